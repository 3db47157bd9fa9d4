/** Lists the containers of Docker or Podman, for administrators. */
import { DateTime, Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Containers, ContainersUnavailable } from "../../layers/containers/Containers.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const usualLimit = 100
const largestLimit = 1000

const Service = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  image: Schema.String,
  state: Schema.String,
  status: Schema.String,
  created_at: Schema.NullOr(Schema.String),
  ports: Schema.Array(Schema.String),
  project: Schema.NullOr(Schema.String).annotate({ description: "Project of Compose." }),
  service: Schema.NullOr(Schema.String).annotate({ description: "Service of Compose." })
})

const ListServices = Tool.make("list_services", {
  description: "List the containers of Docker or Podman on this machine, with their state and ports.",
  parameters: Schema.Struct({
    running: Schema.optionalKey(
      Schema.Boolean.annotate({ description: "Only containers that run. Default: false." })
    ),
    name: Schema.optionalKey(
      Schema.NonEmptyString.check(Schema.isMaxLength(256)).annotate({
        description: "Text that the name of the container or its Compose project contains."
      })
    ),
    limit: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: largestLimit })).annotate({
        description: `Maximum number of containers. Default: ${usualLimit}.`
      })
    )
  }),
  success: Schema.Struct({
    services: Schema.Array(Service),
    total: Schema.Int.annotate({ description: "Containers that match, also beyond the limit." })
  }),
  failure: ContainersUnavailable
})
  .annotate(Tool.Title, "List containers")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, { scopes: ["admin"] })

export const toolkit = Toolkit.make(ListServices)
export const layer = toolkit.toLayer(
  Effect.map(Containers, (containers) =>
    toolkit.of({
      list_services: Effect.fnUntraced(function* ({ limit = usualLimit, name, running = false }) {
        const found = yield* containers.list(!running)
        const matching =
          name === undefined
            ? found
            : found.filter((each) => each.name.includes(name) || each.project?.includes(name) === true)
        return {
          services: matching.slice(0, limit).map(({ created, ...each }) => ({
            ...each,
            created_at: created === null ? null : DateTime.formatIso(DateTime.makeUnsafe(created))
          })),
          total: matching.length
        }
      })
    })
  )
)
