/** Id of a service in chains: stable across restarts, and different for each configuration and state folder. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { OwnInstance } from "../../../src/catalog/OwnInstance.ts"
import { Identity } from "../../../src/domain/Identity.ts"
import { it } from "../../support/effect.ts"
import { stateFolder } from "../../support/service.ts"

const idOf = (dir: string, variables: Record<string, string> = {}) =>
  Effect.flatMap(OwnInstance, ({ id }) => id).pipe(
    Effect.provide(
      OwnInstance.layer(Storage).pipe(
        Layer.provide(Storage.layer),
        Layer.provide(ConfigSource.layerFrom({ storage: { dir } })),
        Layer.provide(Layer.succeed(Identity, { name: "test", version: "1" })),
        Layer.provide(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest(variables)))
      ),
      { local: true }
    )
  )

it.live("the id is that of the state folder and the configuration, also after a restart", () =>
  Effect.gen(function* () {
    const [one, other] = [yield* stateFolder, yield* stateFolder]
    const first = yield* idOf(one)
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(yield* idOf(one)).toBe(first)
    expect(yield* idOf(other)).not.toBe(first)
    // Another configuration with the same folder, such as a service on stdio in front of this one.
    expect(yield* idOf(one, { MCP_CONFIG_JSON: '{"mcpServers":{}}' })).not.toBe(first)
  })
)

it.live("without a usable state folder there is an id, which is new in each process", () =>
  Effect.gen(function* () {
    const first = yield* idOf("/dev/null/state")
    expect(first).not.toBe("")
    expect(yield* idOf("/dev/null/state")).not.toBe(first)
  })
)
