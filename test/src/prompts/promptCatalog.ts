/** A catalog with the built-in prompts and real templates, for tests. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Templates } from "../../../layers/templates/Templates.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as prompts from "../../../src/prompts/layer.ts"
import { callServices, catalog } from "../../support/callTool.ts"

export const over = (config: Layer.Layer<ConfigSource>) =>
  prompts.layer.pipe(
    Layer.provideMerge(Templates.layer),
    Layer.provideMerge(catalog),
    Layer.provideMerge(config),
    Layer.provideMerge(Platform.layer)
  )

export const program = (config: Record<string, unknown> = {}) => over(ConfigSource.layerFrom(config))

/** The text of a prompt. */
export const get = (name: string, args: Record<string, string>) =>
  Effect.flatMap(Catalog, (entries) => entries.get(stdioUser, name, args)).pipe(
    Effect.map(({ messages }) => {
      const [message, ...more] = messages
      if (message?.role !== "user" || message.content.type !== "text" || more.length > 0)
        throw new Error("expected one user message with text")
      return message.content.text
    }),
    Effect.provide(callServices)
  )
