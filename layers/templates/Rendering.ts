/** State of one rendering: the runtime of compiled template code, with limits on steps, nesting and output. */
import { suggestName } from "../config/suggestName.ts"
import type { Filter } from "./filters.ts"
import { Fault, type Reason } from "./TemplateError.ts"

export type Variables = Readonly<Record<string, unknown>>

/** A compiled part of a template. Its arguments are the names after `=>`. */
export type Part = (...args: ReadonlyArray<unknown>) => Promise<string>

export interface Content {
  /** The text between opening and closing tag; absent for a self-closing tag. */
  readonly exec?: Part
  readonly params: ReadonlyArray<unknown>
}

/** Implementation of a tag `{{@name(…)}}`. `parts` are the parts `{{#…}}` inside it. */
export type Helper = (
  content: Content,
  parts: ReadonlyArray<Content & { readonly name: string }>,
  rendering: Rendering
) => Promise<string>

export interface Vocabulary {
  readonly helpers: Readonly<Record<string, Helper>>
  readonly filters: Readonly<Record<string, Filter>>
}

/** A compiled template. */
export interface Compiled {
  readonly name: string
  /** Names of its blocks. */
  readonly blocks: ReadonlySet<string>
  /** Whether it extends a layout. */
  readonly extends: boolean
  readonly run: (it: Variables, c: Rendering) => Promise<string>
}

export interface RenderingContext extends Vocabulary {
  /** Names of all templates. */
  readonly names: ReadonlyArray<string>
  /** Compiles the template on first use. Throws `Fault`. */
  readonly find: (name: string) => Compiled | undefined
  /** Maximum length of the rendered text in characters (`templates.max_chars`). */
  readonly maxChars: number
}

/** Maximum number of tags per rendering; stops a loop that writes nothing. */
const maxSteps = 100_000
const maxDepth = 32

/** Message for an unknown name, with the nearest known one. */
export const unknownName = (kind: string, name: string, known: ReadonlyArray<string>): string => {
  const nearest = suggestName(name, known)
  return `unknown ${kind} "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`
}

export class Rendering {
  readonly #context: RenderingContext
  readonly #signal: AbortSignal
  readonly #root: Variables
  readonly #within: Array<string> = []
  #steps = 0
  #template: string
  #line: number | undefined

  /** Parts that override blocks of layouts, most derived first. */
  readonly parts = new Map<string, Array<Part>>()
  /** Stack of the parts being written, each with its override chain. */
  readonly writing: Array<{ readonly chain: ReadonlyArray<Part>; readonly index: number }> = []
  readonly macros = new Map<string, Part>()
  /** The template and its layouts, outermost last. */
  readonly layouts: Array<string>
  /** Names of the blocks of those layouts. */
  readonly blocks = new Set<string>()

  constructor(template: string, variables: Variables, context: RenderingContext, signal: AbortSignal) {
    this.#context = context
    this.#signal = signal
    this.#template = template
    this.layouts = [template]
    this.#root = this.strict(variables)
  }

  /** Called before each tag, with the output of its scope so far. */
  at(template: string, line: number, written: string): void {
    this.#template = template
    this.#line = line
    if (++this.#steps > maxSteps) this.fail("time", `rendering exceeded ${maxSteps} steps`)
    if (this.#signal.aborted) this.fail("time", "rendering was interrupted")
    this.bound(written)
  }

  /** Returns `written`; fails if it exceeds `maxChars`. */
  bound(written: string): string {
    const { maxChars } = this.#context
    return written.length > maxChars
      ? this.fail("size", `the text is longer than ${maxChars} characters (templates.max_chars)`)
      : written
  }

  /** Returns `value`, the result of `expression`; fails if there is none. */
  have(value: unknown, expression: string): unknown {
    return value ?? this.fail("variable", `${expression} has no value`)
  }

  show(value: unknown): string {
    if (typeof value === "string") return value
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
      return String(value)
    return this.fail(
      "failed",
      `cannot insert a value of type ${typeof value}; use a filter such as join or json`
    )
  }

  filter(name: string): Filter {
    const { filters } = this.#context
    return Object.hasOwn(filters, name) && filters[name] !== undefined
      ? filters[name]
      : this.fail("syntax", unknownName("filter", name, Object.keys(filters)))
  }

  /** Looks up a helper (`H`) or filter (`F`); compiled code calls it under this name. */
  l(kind: "H" | "F", name: string): Filter | Helper {
    if (kind === "F") return this.filter(name)
    const { helpers } = this.#context
    return Object.hasOwn(helpers, name) && helpers[name] !== undefined
      ? helpers[name]
      : this.fail("syntax", unknownName("helper", name, Object.keys(helpers)))
  }

  fail(reason: Reason, detail: string): never {
    throw new Fault(reason, this.#template, this.#line, detail)
  }

  /** The thrown value as a fault with template and line. */
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
    const { find, names } = this.#context
    return (
      (typeof name === "string" ? find(name) : undefined) ??
      this.fail("unknown", unknownName("template", String(name), names))
    )
  }

  /** Renders a template with `variables`; by default with those of the whole rendering. */
  async enter(name: unknown, variables?: Variables): Promise<string> {
    if (this.#within.length >= maxDepth) {
      const last = [...new Set(this.#within.slice(-4))].join(" → ")
      this.fail("nesting", `templates are nested more than ${maxDepth} levels deep: … ${last}`)
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

  /** Variables that throw for unknown names instead of returning `undefined`. */
  strict(variables: Variables): Variables {
    return new Proxy(variables, {
      get: (target, key) => {
        if (typeof key === "symbol") return undefined
        return Object.hasOwn(target, key)
          ? target[key]
          : this.fail("variable", unknownName("variable", key, Object.keys(target)))
      },
      set: (_, key) => this.fail("variable", `the variable "${String(key)}" cannot be changed`)
    })
  }
}
