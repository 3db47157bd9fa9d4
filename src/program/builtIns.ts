/** The built-in tools, prompts and resources as one layer over a catalog. */
import { Layer } from "effect"
import { Commands } from "../../layers/commands/Commands.ts"
import { Containers } from "../../layers/containers/Containers.ts"
import { Decks } from "../../layers/decks/Decks.ts"
import { Models } from "../../layers/models/Models.ts"
import { Outbound } from "../../layers/outbound/Outbound.ts"
import { Output } from "../../layers/output/Output.ts"
import { Templates } from "../../layers/templates/Templates.ts"
import { Web } from "../../layers/web/Web.ts"
import * as prompts from "../prompts/layer.ts"
import * as resources from "../resources/index.ts"
import * as tools from "../tools/index.ts"

export const layer = Layer.mergeAll(tools.layer, prompts.layer, resources.layer).pipe(
  Layer.provideMerge(
    Layer.merge(
      Layer.mergeAll(Templates.layer, Commands.layer, Containers.layer),
      Layer.mergeAll(Web.layer, Models.layer, Decks.layer.pipe(Layer.provideMerge(Output.layer))).pipe(
        Layer.provideMerge(Outbound.layer)
      )
    )
  )
)
