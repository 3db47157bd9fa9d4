/** Templates that go together: compiled when first asked for, and rendered within bounds. */
import type * as Squirrelly from "squirrelly"
import { compile } from "./compile.ts"
import {
  absent,
  Rendering,
  type Compiled,
  type Surroundings,
  type Variables,
  type Vocabulary
} from "./Rendering.ts"
import { Fault, TemplateError } from "./TemplateError.ts"

export interface Source {
  readonly text: string
  /** The operator's file; absent for what came with the program. */
  readonly file?: string
}

export interface Limits {
  /** Characters. */
  readonly mostWritten: number
}

export class TemplateSet {
  readonly #squirrelly: typeof Squirrelly
  readonly #compiled = new Map<string, Compiled | Fault>()
  readonly #surroundings: Surroundings
  readonly #vocabulary: Vocabulary
  readonly sources: ReadonlyMap<string, Source>

  constructor(
    squirrelly: typeof Squirrelly,
    sources: ReadonlyMap<string, Source>,
    vocabulary: Vocabulary,
    limits: Limits
  ) {
    this.#squirrelly = squirrelly
    this.#vocabulary = vocabulary
    this.sources = sources
    this.#surroundings = {
      ...vocabulary,
      ...limits,
      names: [...sources.keys()],
      find: (name) => this.#find(name)
    }
  }

  /** What is wrong with a template by itself. */
  problem(name: string): TemplateError | undefined {
    try {
      this.#find(name)
      return undefined
    } catch (error) {
      return this.#placed(error as Fault)
    }
  }

  /** Rejects with a `TemplateError`; gives up at its next tag once `signal` is aborted. */
  async render(name: string, variables: Variables, signal: AbortSignal): Promise<string> {
    const rendering = new Rendering(name, variables, this.#surroundings, signal)
    try {
      if (!this.sources.has(name)) {
        throw new Fault("unknown", name, undefined, absent("template", name, [...this.sources.keys()]))
      }
      return (await rendering.enter(name)).replace(/\n$/, "")
    } catch (error) {
      throw this.#placed(rendering.fault(error))
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

  #placed({ at, message, reason, template }: Fault): TemplateError {
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
