/** Name and version of the program, and the commit that a binary was built from. */
import manifest from "../../package.json" with { type: "json" }

export interface Build {
  /** Abbreviated hash of the commit; `-modified` after it if files differed from that commit. */
  readonly commit: string
  /** Day of the commit in UTC, `2026-11-26`. */
  readonly date: string
}

/** Set by `bun run build`; absent when running from source. */
declare const MANIFOLD_BUILD: Build | undefined

export const build: Build | undefined = typeof MANIFOLD_BUILD === "undefined" ? undefined : MANIFOLD_BUILD

export const program = { name: "manifold", title: "manifold", version: manifest.version }

/** The version for people: `0.1.0`, or of a binary `0.1.0 (029415e, 2026-11-26)`. */
export const fullVersion =
  build === undefined ? program.version : `${program.version} (${build.commit}, ${build.date})`
