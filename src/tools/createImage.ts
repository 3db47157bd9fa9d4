/** Creates images, which clients show in the chat. */
import { Effect, Result, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type { MadeImage } from "../../layers/models/Adapter.ts"
import { OverBudget } from "../../layers/ledger/Spend.ts"
import { qualities, usualSizes } from "../../layers/models/imageOptions.ts"
import type { ModelFailure } from "../../layers/models/ModelRequest.ts"
import { Models } from "../../layers/models/Models.ts"
import { fileTypeOf } from "../../layers/output/fileTypes.ts"
import { Output, type Saved } from "../../layers/output/Output.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Caller } from "../catalog/Caller.ts"
import { Blocks, text, type Block } from "../domain/Content.ts"
import { ToolPolicy } from "../domain/Policy.ts"
import type { Principal } from "../domain/Principal.ts"
import { availableIf, policy } from "./modelText.ts"

const maxImages = 10

/** Base64 characters of one result, below the default of `mcp.max_result_bytes`. */
const maxResult = 7 * 1024 * 1024
/** Number of PNG images that fit into it; if more are requested, they are JPEG. */
const maxPng = 2

const CreateImage = Tool.make("create-image", {
  description:
    "Create images from a description and return them. Images that failed are reported beside those that were made.",
  parameters: Schema.Struct({
    prompt: Schema.NonEmptyString.annotate({ description: "What the image shows." }),
    model: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "The image model's id. Default: the configured one (llm.providers.*.image_model)."
      })
    ),
    size: Schema.optionalKey(
      Schema.String.annotate({
        description: `${usualSizes.join(", ")}, or another WIDTHxHEIGHT if the model supports it. Default: auto.`
      })
    ),
    quality: Schema.optionalKey(
      Schema.String.annotate({
        description: `${qualities.join(", ")}, as far as the model supports it; also standard (medium) and hd (high). Default: auto.`
      })
    ),
    n: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxImages })).annotate({
        description: "Number of images. Default: 1."
      })
    ),
    provider: Schema.optionalKey(
      Schema.NonEmptyString.annotate({
        description: "A configured provider that makes images. Default: the active one, or the first."
      })
    )
  }),
  success: Blocks,
  failure: Schema.Unknown,
  dependencies: [Progress, Caller]
})
  .annotate(Tool.Title, "Create images")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, true)
  .annotate(ToolPolicy, policy)

export const available = availableIf((providers) => providers.some(({ images }) => images))

/** Errors that would also fail every further image. */
const isFinal = (error: ModelFailure): boolean =>
  error instanceof OverBudget || (error._tag === "ModelError" && error.transient === undefined)

/** Counts images in each state, for progress reports. */
const counter = (total: number) => {
  let [running, done, failed] = [0, 0, 0]
  return {
    begin: () => void running++,
    end: (made: boolean) => {
      running--
      if (made) done++
      else failed++
    },
    get update() {
      const queued = total - running - done - failed
      const message = `${done} of ${total} images done, ${running} in progress, ${queued} queued${failed > 0 ? `, ${failed} failed` : ""}`
      return { progress: done + failed, total, message, details: { done, running, queued, failed } }
    }
  }
}

/** The folder of images in the output folder, and the longest name of a folder in it, in characters. */
const imageFolder = "Images"
const maxFolderName = 60

const saveImage = (output: Output["Service"], owner: Principal, prompt: string, image: MadeImage) => {
  const bytes = new Uint8Array(Buffer.from(image.data, "base64"))
  const name = prompt.slice(0, maxFolderName)
  const folder = /[\p{L}\p{N}]/u.test(name) ? name : imageFolder
  return output.save(owner, imageFolder, folder, bytes, fileTypeOf(image.mimeType) ?? "png")
}

const linkTo = ({ file, uri }: Saved, mimeType: string): Block => ({
  type: "resource_link",
  uri,
  name: file,
  description: "An image that is too large for the result.",
  mimeType
})

export const toolkit = Toolkit.make(CreateImage)
export const layer = toolkit.toLayer(
  Effect.map(Effect.all([Models, Output]), ([models, output]) =>
    toolkit.of({
      "create-image": Effect.fnUntraced(function* ({
        n = 1,
        prompt,
        quality = "auto",
        size = "auto",
        ...choice
      }) {
        const progress = yield* Progress
        const count = counter(n)
        let final: ModelFailure | undefined
        const make = Effect.suspend(() => {
          if (final !== undefined) return Effect.fail(final)
          count.begin()
          return progress.report(count.update).pipe(
            Effect.andThen(
              models.image({ prompt, quality, size, format: n > maxPng ? "jpeg" : "png", ...choice })
            ),
            Effect.tapError((error) =>
              Effect.sync(() => {
                if (isFinal(error)) final = error
              })
            ),
            Effect.onExit((exit) =>
              Effect.suspend(() => {
                count.end(exit._tag === "Success")
                return progress.report(count.update)
              })
            )
          )
        })
        const results = yield* Effect.forEach(Array.from({ length: n }), () => Effect.result(make), {
          concurrency: models.imagesAtOnce
        })
        const [first] = results.filter(Result.isFailure)
        if (first !== undefined && results.every(Result.isFailure)) return yield* first.failure
        const blocks: Array<Block> = []
        const notes: Array<string> = []
        let total = 0
        for (const [index, result] of results.entries()) {
          if (Result.isFailure(result)) {
            notes.push(`Image ${index + 1} failed: ${result.failure.message}`)
            continue
          }
          const { data, mimeType } = result.success
          if (total + data.length <= maxResult) {
            total += data.length
            blocks.push({ type: "image", data, mimeType })
            continue
          }
          // It was paid for.
          const saved = yield* Effect.result(
            saveImage(output, (yield* Caller).principal, prompt, result.success)
          )
          notes.push(
            `Image ${index + 1} is too large for the result and ${
              Result.isSuccess(saved)
                ? `was written to ${saved.success.path}`
                : `could not be written: ${saved.failure.message}`
            }.`
          )
          if (Result.isSuccess(saved)) blocks.push(linkTo(saved.success, mimeType))
        }
        if (notes.length > 0) blocks.unshift(text(`${blocks.length} of ${n} images.\n${notes.join("\n")}`))
        return blocks
      })
    })
  )
)
