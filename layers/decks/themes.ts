/** Finds a theme by its name: one that comes with the program, or a file of the operator's folder. */
import { Effect, FileSystem, Path, Schema } from "effect"
import { explainIssue } from "../config/explainIssue.ts"
import * as YamlText from "../config/YamlText.ts"
import { deckError } from "./DeckError.ts"
import { inspect, type Picture } from "./Picture.ts"
import { builtIn, faults, ThemeFile } from "./Theme.ts"

export interface Theme {
  readonly name: string
  readonly file: ThemeFile
  readonly logo?: Picture | undefined
}

const pattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const extensions = [".yaml", ".yml", ".json"]
/** A theme is a dozen lines; a logo is in every file. */
const mostBytes = 64 * 1024
const mostLogoBytes = 1024 * 1024

const decode = Schema.decodeUnknownEffect(ThemeFile, { errors: "all", onExcessProperty: "error" })

export const find = Effect.fnUntraced(function* (folder: string | undefined, name: string) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const bad = (detail: string) => deckError("theme", `theme ${JSON.stringify(name.slice(0, 64))}: ${detail}`)
  const listed = folder === undefined ? [] : yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  const own = listed.map((each) => paths.parse(each)).filter(({ ext }) => extensions.includes(ext))
  const file = pattern.test(name) ? own.find((each) => each.name === name)?.base : undefined
  if (file === undefined || folder === undefined) {
    const included = Object.hasOwn(builtIn, name) ? builtIn[name] : undefined
    if (included !== undefined) return { name, file: included } satisfies Theme
    const known = [...Object.keys(builtIn), ...own.map((each) => each.name)]
    return yield* bad(`there is none of that name; there are ${known.join(", ")}`)
  }
  const read = Effect.fnUntraced(
    function* (path: string, most: number) {
      const { size, type } = yield* fs.stat(path)
      if (type !== "File" || size > most) return yield* bad(`${path} is not a regular file, or too large`)
      return yield* fs.readFile(path)
    },
    (self, path) =>
      Effect.catchTag(self, "PlatformError", (error) => bad(`cannot read ${path} (${error.reason._tag})`))
  )
  const text = new TextDecoder().decode(yield* read(paths.join(folder, file), mostBytes))
  const parsed = yield* YamlText.parse(text)
  const [fault] = parsed.faults
  if (fault !== undefined) return yield* bad(`${file}: ${fault.message}`)
  const theme = yield* decode(parsed.value).pipe(
    Effect.mapError(({ issue }) =>
      bad(
        `${file}: ${explainIssue(issue, "theme")
          .map(({ message, path }) => `${path.slice(1).join(".")}: ${message}`)
          .join("; ")}`
      )
    )
  )
  const unreadable = faults(theme)
  if (unreadable.length > 0) return yield* bad(`${file}: ${unreadable.join("; ")}`)
  if (theme.logo === undefined) return { name, file: theme } satisfies Theme
  if (paths.basename(theme.logo) !== theme.logo || theme.logo.startsWith("."))
    return yield* bad(`${file}: logo must name a file beside it`)
  const logo = inspect(new Uint8Array(yield* read(paths.join(folder, theme.logo), mostLogoBytes)))
  if (typeof logo === "string") return yield* bad(`${theme.logo}: ${logo}`)
  return { name, file: theme, logo } satisfies Theme
})
