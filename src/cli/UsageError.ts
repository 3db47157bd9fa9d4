/** Errors of a command line that cannot be run as written, with exit code 2. */
import { Effect, Runtime, Schema } from "effect"
import { suggestName } from "../../layers/config/suggestName.ts"
import type { NotFound } from "../catalog/CatalogError.ts"
import { usageExitCode } from "./invalidUsage.ts"

/** Invalid usage; `detail` says what is wrong and how to correct it. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { detail: Schema.String }) {
  override readonly [Runtime.errorExitCode] = usageExitCode

  override get message() {
    return this.detail
  }
}

/** An unknown name, with the nearest known one and the command that lists all of them. */
export const unknownName =
  (kind: "tools" | "prompts" | "resources", known: Effect.Effect<ReadonlyArray<string>>) =>
  (missing: NotFound) =>
    Effect.flatMap(known, (names) => {
      const nearest = suggestName(missing.name, names)
      const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`
      return new UsageError({
        detail: `${missing.message}.${hint} Run \`manifold list ${kind}\` to see all of them`
      })
    })
