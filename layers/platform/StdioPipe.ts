/** The byte pipe of a stdio server. */
import { Context, Effect, Layer, Stream, type PlatformError, type Scope } from "effect"
export class StdioPipe extends Context.Service<StdioPipe, { readonly input: Stream.Stream<Uint8Array, PlatformError.PlatformError>; readonly write: (s: string) => Promise<void>; readonly guardStdout: Effect.Effect<void, never, Scope.Scope> }>()("manifold/platform/StdioPipe") {
  static readonly layer = Layer.succeed(StdioPipe, { input: Stream.fromAsyncIterable(process.stdin as AsyncIterable<Uint8Array>, (e) => e as never), write: (s) => new Promise<void>((r) => { process.stdout.write(s, () => r()) }), guardStdout: Effect.void })
}
