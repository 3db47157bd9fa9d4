/** The template engine: compiler, helpers and filters. Loaded at the first rendering. */
import * as squirrelly from "squirrelly"
import { embedded } from "./embedded.ts"
import { filters as common, type Filter } from "./filters.ts"
import { helpers } from "./helpers.ts"
import { TemplateSet, type TemplateLimits, type Source } from "./TemplateSet.ts"

/** The current templates. */
export interface Templating {
  /** The operator's and the built-in templates. */
  readonly all: TemplateSet
  /** The built-in templates only. */
  readonly own: TemplateSet
}

/** Overrides built-in templates with the given ones. */
export type Engine = (custom: ReadonlyMap<string, Source>) => Templating

export const make = (limits: TemplateLimits, filters: Readonly<Record<string, Filter>>): Engine => {
  const vocabulary = { helpers, filters: { ...common, ...filters } }
  const own = new TemplateSet(squirrelly, embedded, vocabulary, limits)
  return (custom) => ({
    own,
    all:
      custom.size === 0
        ? own
        : new TemplateSet(squirrelly, new Map([...embedded, ...custom]), vocabulary, limits)
  })
}
