/** The compiler and everything that it works with: loaded when something is to be rendered for the first time. */
import * as squirrelly from "squirrelly"
import { embedded } from "./embedded.ts"
import { filters as common, type Filter } from "./filters.ts"
import { helpers } from "./helpers.ts"
import { TemplateSet, type Limits, type Source } from "./TemplateSet.ts"

/** The templates as they are at one time. */
export interface Templating {
  /** With the operator's above those that came with the program. */
  readonly all: TemplateSet
  /** Those that came with the program, by themselves. */
  readonly own: TemplateSet
}

/** Puts templates above those that came with the program. */
export type Engine = (theirs: ReadonlyMap<string, Source>) => Templating

export const make = (limits: Limits, filters: Readonly<Record<string, Filter>>): Engine => {
  const vocabulary = { helpers, filters: { ...common, ...filters } }
  const own = new TemplateSet(squirrelly, embedded, vocabulary, limits)
  return (theirs) => ({
    own,
    all:
      theirs.size === 0
        ? own
        : new TemplateSet(squirrelly, new Map([...embedded, ...theirs]), vocabulary, limits)
  })
}
