/** Size of a request in tokens: an upper bound for the budget, and an estimate for a response without usage. */
import { Effect } from "effect"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import { estimateTokens } from "../ledger/estimateTokens.ts"
import type { Tokens } from "../ledger/Tokens.ts"
import type { TextRequest } from "./Adapter.ts"
import { fileTokens } from "./fileTokens.ts"
import { filesOf, promptText } from "./parts.ts"
import { definitionText } from "./toolDefinitions.ts"

/** Maximum tokens that a provider adds for each message and each tool. */
const overhead = 16
/** Maximum tokens of the instructions that a provider adds for tools, and for a schema of the response. */
const instructions = 1000
/** Usual tokens that a provider adds, for estimates. */
const usualOverhead = { prompt: 3, message: 4 }
/** Bytes of a prompt that is not tokenized. */
const shortPrompt = 2048
/** The provider may count more: a little with the same tokenizer, twice as many with another one. */
const margin = { exact: 1.1, other: 2 }

/** Maximum number of remembered counts of tool definitions, which most requests of a conversation share. */
const maxCounts = 16
const counts = new Map<string, number>()

const schemaText = ({ responseFormat }: TextRequest): string =>
  responseFormat.type === "text"
    ? ""
    : // Like `toFormat` of the adapters.
      JSON.stringify(toCodecOpenAI(responseFormat.schema as never).jsonSchema)

export class PromptSize {
  readonly #request: TextRequest
  readonly #text: string
  /** Tools and the schema of the response. */
  readonly #definitions: string
  /** Tokens of everything that is not text. */
  readonly #fixed: number
  readonly #bytes: { readonly text: number; readonly definitions: number }
  #estimated: number | undefined

  constructor(request: TextRequest) {
    const { prompt, tools } = request
    this.#request = request
    this.#text = promptText(prompt)
    this.#definitions = definitionText(request) + schemaText(request)
    this.#bytes = {
      text: Buffer.byteLength(this.#text),
      definitions: Buffer.byteLength(this.#definitions)
    }
    this.#fixed =
      (prompt.content.length + tools.length) * overhead +
      (this.#definitions === "" ? 0 : instructions) +
      fileTokens(request.model, filesOf(prompt))
  }

  /** Upper bound without a tokenizer: a token has at least one byte. */
  get most(): number {
    return this.#bytes.text + this.#bytes.definitions + this.#fixed
  }

  get isLong(): boolean {
    return this.#bytes.text + this.#bytes.definitions > shortPrompt
  }

  /** A lower upper bound, by a tokenizer. */
  counted({ count }: Tokens["Service"]): Effect.Effect<number> {
    const { model } = this.#request
    const bounded = (text: string, bytes: number) =>
      Effect.map(count(model, text), ({ exact, tokens }) =>
        Math.min(bytes, Math.ceil(tokens * (exact ? margin.exact : margin.other)))
      )
    return Effect.gen({ self: this }, function* () {
      const key = `${model}\n${this.#definitions}`
      let definitions = counts.get(key)
      if (definitions === undefined) {
        definitions = yield* bounded(this.#definitions, this.#bytes.definitions)
        if (counts.size >= maxCounts) counts.clear()
        counts.set(key, definitions)
      }
      return this.#fixed + definitions + (yield* bounded(this.#text, this.#bytes.text))
    })
  }

  /** Usual number of tokens. Computed only for responses without usage, as it takes milliseconds for long prompts. */
  get estimated(): number {
    const { model, prompt } = this.#request
    return (this.#estimated ??=
      estimateTokens(this.#text) +
      estimateTokens(this.#definitions) +
      fileTokens(model, filesOf(prompt)) +
      prompt.content.length * usualOverhead.message +
      usualOverhead.prompt)
  }
}
