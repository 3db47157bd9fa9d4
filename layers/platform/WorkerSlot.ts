/** The place of this process among the workers of one service. A supervisor starts them (`manifold serve --http --workers 2`). */
import { rm } from "node:fs/promises"
import { Context, Effect, Option, Schema } from "effect"
import { Environment } from "./Environment.ts"

const Slot = Schema.Struct({
  /** From 1; the worker that replaces another one has its number. */
  number: Schema.Int,
  /** Differs for each process that the supervisor starts. */
  id: Schema.Int,
  /** The same for all workers of the service. */
  service: Schema.String,
  /** File of the memory in which all workers count. */
  limits: Schema.String,
  /** Of the hashes in it, a random integer. */
  seed: Schema.Int,
  /** Folder with the socket of each worker, which only this user can enter. */
  folder: Schema.String
})
export type Slot = typeof Slot.Type

const Text = Schema.fromJsonString(Slot)
const variable = "MANIFOLD_WORKER"

/** Variables of the environment of a worker. */
export const variablesOf = (slot: Slot): Readonly<Record<string, string>> => ({
  [variable]: Schema.encodeSync(Text)(slot)
})

/** `undefined`: this process is the only one of its service. */
export const WorkerSlot = Context.Reference<Slot | undefined>("manifold/platform/WorkerSlot", {
  defaultValue: () => undefined
})

/** The slot that a supervisor gave this process. */
export const givenSlot = Effect.map(Environment, ({ get }) =>
  Option.getOrUndefined(Schema.decodeUnknownOption(Text)(get(variable)))
)

const suffix = "-w"

/** An id that says which process has what it names. */
export const ofWorker = (id: string, slot: Slot | undefined): string =>
  slot === undefined ? id : `${id}${suffix}${slot.id}`

/** The process that has made the id by `ofWorker`. */
export const workerOf = (id: string): number | undefined => {
  const at = id.lastIndexOf(suffix)
  const text = at < 0 ? "" : id.slice(at + suffix.length)
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** The socket of a process. */
export const socketOf = ({ folder }: Slot, id: number): string => `${folder}/${id}.sock`

/** Other workers then know that the sessions of this process are gone. */
export const removeSocket = (slot: Slot) => Effect.promise(() => rm(socketOf(slot, slot.id), { force: true }))

/** Leads to the socket of the process that has number 1. */
export const firstSocketOf = ({ folder }: Pick<Slot, "folder">): string => `${folder}/first.sock`
