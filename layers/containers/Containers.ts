/** Containers of Docker or Podman, over the socket of the Docker API. */
import { Context, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Environment } from "../platform/Environment.ts"
import { getOverUnix, type UnixRequestError } from "../platform/unixRequest.ts"
import { section } from "./section.ts"

const timeLimit = "5 seconds"
const mostBytes = 16 * 1024 * 1024

export class ContainersUnavailable extends Schema.TaggedError<ContainersUnavailable>()(
  "ContainersUnavailable",
  {
    reason: Schema.Literals(["absent", "denied", "unsupported", "failed"]),
    /** For administrators; shows no path. */
    message: Schema.String
  }
) {}

const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** As much of the response as is shown; never labels, variables or commands, which may have secrets. */
const Listed = Schema.Array(
  Schema.Struct({
    Id: Schema.String,
    Names: nullable(Schema.Array(Schema.String)),
    Image: nullable(Schema.String),
    State: nullable(Schema.String),
    Status: nullable(Schema.String),
    Created: nullable(Schema.Finite),
    Ports: nullable(
      Schema.Array(
        Schema.Struct({
          IP: nullable(Schema.String),
          PrivatePort: Schema.Finite,
          PublicPort: nullable(Schema.Finite),
          Type: nullable(Schema.String)
        })
      )
    ),
    Labels: nullable(Schema.Record(Schema.String, Schema.String))
  })
)
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Listed))

export interface Container {
  readonly id: string
  readonly name: string
  readonly image: string
  /** `running`, `exited`, `created`, … */
  readonly state: string
  /** Such as `Up 2 hours (healthy)`. */
  readonly status: string
  /** In milliseconds since the epoch. */
  readonly created: number | null
  /** `127.0.0.1:8081->80/tcp`, or `80/tcp` if it is not published. */
  readonly ports: ReadonlyArray<string>
  /** Project and service of Compose. */
  readonly project: string | null
  readonly service: string | null
}

type ListedContainer = (typeof Listed)["Type"][number]

const longest = 256
const text = (value: string | null | undefined) => (value ?? "").slice(0, longest)

const portOf = ({ IP, PrivatePort, PublicPort, Type }: NonNullable<ListedContainer["Ports"]>[number]) => {
  const inside = `${PrivatePort}/${text(Type ?? "tcp")}`
  if (PublicPort === undefined || PublicPort === null) return inside
  const host = text(IP ?? "0.0.0.0")
  return `${host.includes(":") ? `[${host}]` : host}:${PublicPort}->${inside}`
}

const label = ({ Labels }: ListedContainer, name: string) => {
  const value = Labels?.[`com.docker.compose.${name}`]
  return value === undefined ? null : text(value)
}

const latest = 8_640_000_000_000

/** In milliseconds; null for a time that no date has. */
const createdAt = ({ Created }: ListedContainer): number | null =>
  typeof Created === "number" && Math.abs(Created) <= latest ? Created * 1000 : null

const containerOf = (listed: ListedContainer): Container => ({
  id: listed.Id.slice(0, 12),
  name: text(listed.Names?.[0]?.replace(/^\//, "")),
  image: text(listed.Image),
  state: text(listed.State),
  status: text(listed.Status),
  created: createdAt(listed),
  ports: [...new Set((listed.Ports ?? []).map(portOf))],
  project: label(listed, "project"),
  service: label(listed, "service")
})

const unavailable = (reason: ContainersUnavailable["reason"], message: string) =>
  new ContainersUnavailable({ reason, message })

const absent = unavailable(
  "absent",
  "No container engine was found: neither Docker nor Podman has a socket on this machine. Start one, or set containers.socket."
)

const failed = unavailable(
  "failed",
  "The container engine did not respond as the Docker API does, the log says more. Check it, or set containers.socket."
)

const explained = ({ reason }: UnixRequestError): ContainersUnavailable => {
  switch (reason) {
    case "absent":
    case "refused":
      return unavailable(
        "absent",
        "The container engine is not running. Start it, or set containers.socket to another one."
      )
    case "denied":
      return unavailable(
        "denied",
        "This service may not use the socket of the container engine. Add its user to the group of the socket."
      )
    case "broken":
    case "oversized":
      return failed
  }
}

export class Containers extends Context.Service<
  Containers,
  {
    /** All containers, or those that run, sorted by name. At most 5 s. */
    readonly list: (all: boolean) => Effect.Effect<ReadonlyArray<Container>, ContainersUnavailable>
  }
>()("manifold/containers/Containers") {
  static readonly layer = Layer.effect(
    Containers,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { get } = yield* Environment
      let configured: string | undefined
      yield* (yield* ConfigSource).followOption(section, (settings) =>
        Effect.sync(() => {
          configured = Option.getOrUndefined(settings)?.socket
        })
      )

      const usual = Effect.suspend(() => {
        const runtime = get("XDG_RUNTIME_DIR")
        const places = [
          "/var/run/docker.sock",
          ...(runtime === undefined ? [] : [`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`]),
          "/run/podman/podman.sock"
        ]
        return Effect.findFirst(places, (place) => Effect.orElseSucceed(fs.exists(place), () => false))
      })

      const socket = Effect.gen(function* () {
        if (configured !== undefined) return configured
        const host = get("DOCKER_HOST") ?? ""
        if (host.startsWith("unix://")) return host.slice("unix://".length)
        if (host !== "") {
          return yield* unavailable(
            "unsupported",
            "DOCKER_HOST is not a Unix socket (unix://…). Set containers.socket to one."
          )
        }
        const found = yield* usual
        return Option.isSome(found) ? found.value : yield* absent
      })

      return Containers.of({
        list: Effect.fn("Containers.list")(function* (all) {
          const place = yield* socket
          // Without a version in the path, engines respond in any version that they support.
          const response = yield* getOverUnix(place, `/containers/json?all=${all}`, mostBytes).pipe(
            Effect.timeout(timeLimit),
            Effect.tapError(({ message }) =>
              Effect.logWarning(`The container engine did not respond: ${message}`)
            ),
            Effect.mapError((error) => (error._tag === "UnixRequestError" ? explained(error) : failed))
          )
          if (response.status !== 200) {
            yield* Effect.logWarning(`The container engine responded with status ${response.status}`)
            return yield* failed
          }
          const listed = yield* decode(response.text).pipe(
            Effect.tapError((error) =>
              Effect.logWarning("The response of the container engine is not that of the Docker API", error)
            ),
            Effect.mapError(() => failed)
          )
          return listed.map(containerOf).toSorted((a, b) => (a.name < b.name ? -1 : 1))
        })
      })
    })
  )
}
