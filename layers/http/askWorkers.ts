/** Asks the other workers of the service for their part of a page. */
import { readdir } from "node:fs/promises"
import { type Slot, socketOf } from "../platform/WorkerSlot.ts"
import { forwardedHeaders } from "./ForwardedRequest.ts"
import type { Connection } from "./Routes.ts"

/** A worker that does not respond in time is left out, in milliseconds. */
const patience = 2000
const mostBytes = 8 * 1024 * 1024

/** Its value is the number of the worker that responds. */
const numberHeader = "manifold-worker"
/** Asks for the part of one worker. */
const partHeader = "manifold-part"

export const isPart = ({ headers }: Request): boolean => headers.has(partHeader)

/** Headers of the part of a worker. */
export const partHeaders = ({ number }: Slot): Readonly<Record<string, string>> => ({
  [numberHeader]: String(number)
})

export interface Part {
  readonly worker: number
  /** Of its process: a worker that leaves has the number of the one that replaces it. */
  readonly id: number
  readonly text: string
}

/** The same GET request at each other worker, with the credentials of the client. */
export const askWorkers = async (
  slot: Slot,
  request: Request,
  connection: Connection
): Promise<ReadonlyArray<Part>> => {
  const headers = forwardedHeaders(request, connection)
  headers.set(partHeader, "1")
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(patience)])
  const { pathname } = new URL(request.url)
  const ask = async (id: number): Promise<ReadonlyArray<Part>> => {
    try {
      const response = await fetch(`http://worker${pathname}`, { unix: socketOf(slot, id), headers, signal })
      const worker = Number(response.headers.get(numberHeader) ?? Number.NaN)
      if (!response.ok || !Number.isInteger(worker)) return []
      const text = await response.text()
      return text.length > mostBytes ? [] : [{ worker, id, text }]
    } catch {
      // It has ended, or does not respond.
      return []
    }
  }
  const ids = (await readdir(slot.folder)).flatMap((name) => /^(\d+)\.sock$/.exec(name)?.[1] ?? [])
  const others = ids.map(Number).filter((id) => id !== slot.id)
  return (await Promise.all(others.map(ask))).flat()
}
