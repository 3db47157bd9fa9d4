/** A set of templates that can include each other; compiled on first use, rendered within limits. */
import type * as Squirrelly from "squirrelly"
import { compile } from "./compile.ts"
import {
  Rendering,
  unknownName,
  type Compiled,
  type RenderingContext,
  type Variables,
  type Vocabulary
} from "./Rendering.ts"
import { Fault, TemplateError } from "./TemplateError.ts"

export interface Source {
  readonly text: string
  /** The operator's file; absent for a built-in template. */
  readonly file?: string
}

export interface TemplateLimits {
  /** Maximum length of a rendered text, in characters. */
  readonly maxChars: number
}

export class TemplateSet {
  readonly #squirrelly: typeof Squirrelly
  readonly #compiled = new Map<string, Compiled | Fault>()
  readonly #context: RenderingContext
  readonly #vocabulary: Vocabulary
  readonly sources: ReadonlyMap<string, Source>

  constructor(
    squirrelly: typeof Squirrelly,
    sources: ReadonlyMap<string, Source>,
    vocabulary: Vocabulary,
    limits: TemplateLimits
  ) {
    this.#squirrelly = squirrelly
    this.#vocabulary = vocabulary
    this.sources = sources
    this.#context = {
      ...vocabulary,
      ...limits,
      names: [...sources.keys()],
      find: (name) => this.#find(name)
    }
  }

  /** Compile error of a template. */
  problem(name: string): TemplateError | undefined {
    try {
      this.#find(name)
      return undefined
    } catch (error) {
      return this.#locate(error as Fault)
    }
  }

  /** Rejects with a `TemplateError`. Aborting `signal` stops the rendering at the next tag. */
  async render(name: string, variables: Variables, signal: AbortSignal): Promise<string> {
    const rendering = new Rendering(name, variables, this.#context, signal)
    try {
      if (!this.sources.has(name)) {
        throw new Fault("unknown", name, undefined, unknownName("template", name, [...this.sources.keys()]))
      }
      return (await rendering.enter(name)).replace(/\n$/, "")
    } catch (error) {
      throw this.#locate(rendering.fault(error))
    }
  }

  #find(name: string): Compiled | undefined {
    let found = this.#compiled.get(name)
    if (found === undefined) {
      const source = this.sources.get(name)
      if (source === undefined) return undefined
      try {
        found = compile(this.#squirrelly, name, source.text, this.#vocabulary)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        found = error
      }
      this.#compiled.set(name, found)
    }
    if (found instanceof Fault) throw found
    return found
  }

  #locate({ at, message, reason, template }: Fault): TemplateError {
    const file = this.sources.get(template)?.file
    return new TemplateError({
      reason,
      template,
      detail: message,
      ...(file !== undefined && { file }),
      ...(at !== undefined && { at })
    })
  }
}
