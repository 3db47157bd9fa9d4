/** Durations of test files in earlier runs, which `bun test --timings` reads and writes. */
import { existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { Option, Schema } from "effect"

const Times = Schema.fromJsonString(Schema.Struct({ files: Schema.Record(Schema.String, Schema.Natural) }))

const read = async (file: string) =>
  existsSync(file)
    ? Option.getOrUndefined(Schema.decodeOption(Times)(await Bun.file(file).text()))
    : undefined

/** Removes a damaged file, which would end every run. */
export const repair = async (file: string): Promise<void> => {
  if ((await read(file)) === undefined) await rm(file, { force: true })
}

/** A line for each of the slowest files that are still in the folder. */
export const slowest = async (file: string, folder: string, count: number): Promise<string> =>
  Object.entries((await read(file))?.files ?? {})
    .filter(([name]) => existsSync(join(folder, name)))
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, count)
    .map(([name, millis]) => `${(millis / 1000).toFixed(1).padStart(6)} s  ${name}`)
    .join("\n")
