/** Size of a request in tokens: an upper bound for the budget, and an estimate for a response without usage. */
import { Effect } from "effect"
import { toCodecOpenAI } from "effect/ai/OpenAiStructuredOutput"
import { estimateTokens } from "../ledger/estimateTokens.ts"
import type { Tokens } from "../ledger/Tokens.ts"
import type { TextRequest } from "./Adapter.ts"
import { fileTokens } from "./fileTokens.ts"
import { filesOf, promptText } from "./parts.ts"
import { definitionsSize, sizeOf } from "./toolDefinitions.ts"

/** Maximum tokens that a provider adds for each message and each tool. */
const overhead = 16
/** Maximum tokens of the instructions that a provider adds for tools, and for a schema of the response. */
const instructions = 1000
/** Usual tokens that a provider adds, for estimates. */
const usualOverhead = { prompt: 3, message: 4 }
/** Bytes of a prompt whose bytes are its upper bound. */
const shortPrompt = 2048
/** Bytes of a prompt that is not tokenized: its estimate costs less than the time of the tokenizer. */
const mediumPrompt = 16_384
/** The provider may count more: a little with the same tokenizer, twice as many with another one. */
const margin = { exact: 1.1, other: 2 }

const schemaText = ({ responseFormat }: TextRequest): string =>
  responseFormat.type === "text"
    ? ""
    : // Like `toFormat` of the adapters.
      JSON.stringify(toCodecOpenAI(responseFormat.schema as never).jsonSchema)

export class PromptSize {
  readonly #request: TextRequest
  readonly #text: string
  readonly #bytes: number
  readonly #most: number
  /** Upper bound of everything that is not text of the prompt. */
  readonly #rest: number
  /** The usual size of tools and of the schema of the response. */
  readonly #definitions: number
  #estimated: number | undefined

  constructor(request: TextRequest) {
    const { prompt, tools } = request
    const [ofTools, ofSchema] = [definitionsSize(request), sizeOf(schemaText(request))]
    this.#request = request
    this.#text = promptText(prompt)
    this.#bytes = Buffer.byteLength(this.#text)
    const isMedium = this.#bytes > shortPrompt && this.#bytes <= mediumPrompt
    this.#most = isMedium ? sizeOf(this.#text).most : this.#bytes
    this.#definitions = ofTools.usual + ofSchema.usual
    this.#rest =
      (prompt.content.length + tools.length) * overhead +
      ofTools.most +
      ofSchema.most +
      (this.#definitions === 0 ? 0 : instructions) +
      fileTokens(request.model, filesOf(prompt))
  }

  /** Upper bound without a tokenizer: a token has at least one byte, and usually more. */
  get most(): number {
    return this.#most + this.#rest
  }

  /** Whether a tokenizer gives a much lower bound. */
  get isLong(): boolean {
    return this.#bytes > mediumPrompt
  }

  /** A lower upper bound, by a tokenizer. */
  counted({ count }: Tokens["Service"]): Effect.Effect<number> {
    return Effect.map(count(this.#request.model, this.#text), ({ exact, tokens }) => {
      const most = Math.ceil(tokens * (exact ? margin.exact : margin.other))
      return this.#rest + Math.min(this.#bytes, most)
    })
  }

  /** Usual number of tokens. Computed only for responses without usage, as it takes milliseconds for long prompts. */
  get estimated(): number {
    const { model, prompt } = this.#request
    return (this.#estimated ??=
      estimateTokens(this.#text) +
      this.#definitions +
      fileTokens(model, filesOf(prompt)) +
      prompt.content.length * usualOverhead.message +
      usualOverhead.prompt)
  }
}
