/** Chain of instances: the services like this one that an entry or a call came through, so that a loop of them is recognized. */
import { isObject, type JsonObject } from "./JsonObject.ts"

export type InstanceChain = ReadonlyArray<string>

/**
 * Key in `_meta`. A request for a list with this key asks for the chains of its entries, which no other client gets. A call
 * with this key has the chain of the call.
 */
export const chainKey = "manifold/instances"

/** Longer chains are treated as loops. */
const maxLength = 16
/** In characters. */
const maxId = 64

const isId = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= maxId

/** The chain in `_meta`; `undefined` without one, or if it is malformed. */
export const chainOf = (meta: unknown): InstanceChain | undefined => {
  const found = isObject(meta) ? meta[chainKey] : undefined
  return Array.isArray(found) && found.every(isId) ? found : undefined
}

/** Whether the chain leads through the instance, or is too long. */
export const isLoop = (chain: InstanceChain, instance: string): boolean =>
  chain.length >= maxLength || chain.includes(instance)

/** `_meta` without the chain, which is for other instances only; `undefined` if nothing is left. */
export const withoutChain = (meta: JsonObject): JsonObject | undefined => {
  if (!Object.hasOwn(meta, chainKey)) return meta
  const { [chainKey]: _, ...others } = meta
  return Object.keys(others).length === 0 ? undefined : others
}
