/** Whom a handler works for, as far as a handler needs to know: never a socket, a header or a JSON-RPC id. */
import { Context } from "effect"
import type { Principal } from "../domain/Principal.ts"

export class Caller extends Context.Service<
  Caller,
  {
    readonly principal: Principal
    /** Unique per call; appears in logs, progress events and errors. */
    readonly requestId: string
    /** The program at the other end, where the surface knows it. */
    readonly program?: { readonly name: string; readonly version: string }
  }
>()("manifold/catalog/Caller") {}
