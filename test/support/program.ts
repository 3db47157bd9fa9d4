/**
 * The command line by which tests start the program: the source, or the file that `MANIFOLD_TEST_BINARY` names.
 * `bun run check` compiles that once, because it starts with a third of the source's CPU time.
 */
import { fileURLToPath } from "node:url"

/** Path of the source's entry point. */
export const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** Bun and the source. */
export const source: readonly [string, ...ReadonlyArray<string>] = [process.execPath, main]

/** Path of the compiled program, if there is one. */
export const compiled = process.env["MANIFOLD_TEST_BINARY"]

export const program = compiled === undefined ? source : ([compiled] as const)
