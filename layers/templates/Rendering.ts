/** One rendering of one template: what its compiled code talks to, and what keeps it within bounds. */
import { suggestName } from "../config/suggestName.ts"
import type { Filter } from "./filters.ts"
import { Fault, type Reason } from "./TemplateError.ts"

export type Variables = Readonly<Record<string, unknown>>

/** A part of a template as a function; what it is given are the names after `=>`. */
export type Part = (...args: ReadonlyArray<unknown>) => Promise<string>

export interface Content {
  /** The text between opening and closing tag; absent where the tag closes itself. */
  readonly exec?: Part
  readonly params: ReadonlyArray<unknown>
}

/** What a tag `{{@name(…)}}` does. `parts` are those of its text that begin with `{{#…}}`. */
export type Helper = (
  content: Content,
  parts: ReadonlyArray<Content & { readonly name: string }>,
  rendering: Rendering
) => Promise<string>

export interface Vocabulary {
  readonly helpers: Readonly<Record<string, Helper>>
  readonly filters: Readonly<Record<string, Filter>>
}

/** A template that can be run. */
export interface Compiled {
  readonly name: string
  /** The blocks that it has. */
  readonly blocks: ReadonlySet<string>
  /** Whether it has a layout of its own. */
  readonly extends: boolean
  readonly run: (it: Variables, c: Rendering) => Promise<string>
}

export interface Surroundings extends Vocabulary {
  /** All templates' names. */
  readonly names: ReadonlyArray<string>
  /** Compiles it when first asked for; throws its `Fault`. */
  readonly find: (name: string) => Compiled | undefined
  /** Characters. */
  readonly mostWritten: number
}

/** More tags than any sensible prompt works through; ends a loop that writes nothing. */
const mostSteps = 100_000
const deepest = 32

/** "there is no …", with the nearest name that there is. */
export const absent = (kind: string, name: string, known: ReadonlyArray<string>): string => {
  const nearest = suggestName(name, known)
  return `there is no ${kind} "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`
}

export class Rendering {
  readonly #surroundings: Surroundings
  readonly #signal: AbortSignal
  readonly #root: Variables
  readonly #within: Array<string> = []
  #steps = 0
  #template: string
  #line: number | undefined

  /** Parts that stand for the blocks of layouts, the most derived first. */
  readonly parts = new Map<string, Array<Part>>()
  /** The parts that are being written, each with those that it stands for. */
  readonly writing: Array<{ readonly chain: ReadonlyArray<Part>; readonly index: number }> = []
  readonly macros = new Map<string, Part>()
  /** The templates from the one asked for up to its outermost layout. */
  readonly layouts: Array<string>
  /** The blocks that those layouts have. */
  readonly blocks = new Set<string>()

  constructor(template: string, variables: Variables, surroundings: Surroundings, signal: AbortSignal) {
    this.#surroundings = surroundings
    this.#signal = signal
    this.#template = template
    this.layouts = [template]
    this.#root = this.strict(variables)
  }

  /** Called before each tag, with what its scope has written so far. */
  at(template: string, line: number, written: string): void {
    this.#template = template
    this.#line = line
    if (++this.#steps > mostSteps) this.fail("time", `it did not end within ${mostSteps} steps`)
    if (this.#signal.aborted) this.fail("time", "nobody waits for it any more")
    this.bound(written)
  }

  /** `written`, unless it is more than may be written. */
  bound(written: string): string {
    const { mostWritten } = this.#surroundings
    return written.length > mostWritten
      ? this.fail("size", `it writes more than ${mostWritten} characters (templates.max_chars)`)
      : written
  }

  /** `value`, which `expression` stands for in the template. */
  have(value: unknown, expression: string): unknown {
    return value ?? this.fail("variable", `${expression} has no value`)
  }

  show(value: unknown): string {
    if (typeof value === "string") return value
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
      return String(value)
    return this.fail("failed", `a ${typeof value} is no text; use a filter such as join or json`)
  }

  filter(name: string): Filter {
    const { filters } = this.#surroundings
    return Object.hasOwn(filters, name) && filters[name] !== undefined
      ? filters[name]
      : this.fail("syntax", absent("filter", name, Object.keys(filters)))
  }

  /** The compiler's own name for what finds helpers (`H`) and filters (`F`). */
  l(kind: "H" | "F", name: string): Filter | Helper {
    if (kind === "F") return this.filter(name)
    const { helpers } = this.#surroundings
    return Object.hasOwn(helpers, name) && helpers[name] !== undefined
      ? helpers[name]
      : this.fail("syntax", absent("helper", name, Object.keys(helpers)))
  }

  fail(reason: Reason, detail: string): never {
    throw new Fault(reason, this.#template, this.#line, detail)
  }

  /** What was thrown, as a fault that has a place. */
  fault(thrown: unknown): Fault {
    if (thrown instanceof Fault) return thrown
    return new Fault(
      "failed",
      this.#template,
      this.#line,
      thrown instanceof Error ? thrown.message : String(thrown)
    )
  }

  find(name: unknown): Compiled {
    const { find, names } = this.#surroundings
    return (
      (typeof name === "string" ? find(name) : undefined) ??
      this.fail("unknown", absent("template", String(name), names))
    )
  }

  /** What a template writes with these variables; with those of the whole rendering unless some are given. */
  async enter(name: unknown, variables?: Variables): Promise<string> {
    if (this.#within.length >= deepest) {
      const last = [...new Set(this.#within.slice(-4))].join(" → ")
      this.fail("nesting", `templates within templates without end: … ${last}`)
    }
    const compiled = this.find(name)
    const [template, line] = [this.#template, this.#line]
    this.#within.push(compiled.name)
    const written = await compiled.run(variables === undefined ? this.#root : this.strict(variables), this)
    this.bound(written)
    this.#within.pop()
    this.#template = template
    this.#line = line
    return written
  }

  /** Variables of which a missing one is an error rather than `undefined`. */
  strict(variables: Variables): Variables {
    return new Proxy(variables, {
      get: (target, key) => {
        if (typeof key === "symbol") return undefined
        return Object.hasOwn(target, key)
          ? target[key]
          : this.fail("variable", absent("variable", key, Object.keys(target)))
      },
      set: (_, key) => this.fail("variable", `the variable "${String(key)}" cannot be changed`)
    })
  }
}
