/** Base layers of every command: platform, configuration, quotas, logging. */
import { Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Calls } from "../../layers/ledger/Calls.ts"
import { Journal } from "../../layers/ledger/Journal.ts"
import * as CallLog from "../../layers/logging/CallLog.ts"
import * as Logging from "../../layers/logging/Logging.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { callFields } from "../catalog/Caller.ts"
import { sections } from "./sections.ts"

/** Files, streams, environment variables and ids of the real machine. */
export const machine = Layer.mergeAll(Platform.layer, Environment.layer, Ids.layer)

/** `machine` and the configuration, whose sources are read with the first section. */
export const foundation = ConfigSource.layer.pipe(Layer.provideMerge(machine))

const checked = Layer.effectDiscard(Effect.flatMap(ConfigSource, (config) => config.check(sections)))

/** Validated configuration, quotas, call observers, and a log whose lines carry the call's id. */
export const grounded = Layer.mergeAll(Logging.layer, Calls.layer, Journal.layer, Quotas.layer).pipe(
  Layer.provide(Layer.succeed(Logging.Origin, callFields)),
  Layer.provideMerge(checked)
)

/** `grounded` for servers, which also log the start and end of each call. */
export const configured = CallLog.layer.pipe(Layer.provideMerge(grounded))
