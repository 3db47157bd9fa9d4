/** What every command stands on: the machine, the configuration, and a log. */
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

/** Files, streams, variables and ids of this machine; reads nothing yet. */
export const machine = Layer.mergeAll(Platform.layer, Environment.layer, Ids.layer)

/** The same with a configuration, which is read when a section first is. */
export const foundation = ConfigSource.layer.pipe(Layer.provideMerge(machine))

const checked = Layer.effectDiscard(Effect.flatMap(ConfigSource, (config) => config.check(sections)))

/** A configuration without a fault, its quotas, and a log in which a line knows its call. */
export const grounded = Layer.mergeAll(Logging.layer, Calls.layer, Journal.layer, Quotas.layer).pipe(
  Layer.provide(Layer.succeed(Logging.Origin, callFields)),
  Layer.provideMerge(checked)
)

/** The same for a server, whose log also tells each call's life. */
export const configured = CallLog.layer.pipe(Layer.provideMerge(grounded))
