/** Types of files that tools make, and the names of such files. */

/** By extension: the name without number, and the media type. */
const types = {
  pptx: {
    name: "content",
    mimeType: "application/vnd.openxmlformats-officedocument.presentationml.presentation"
  },
  png: { name: "image", mimeType: "image/png" },
  jpeg: { name: "image", mimeType: "image/jpeg" },
  webp: { name: "image", mimeType: "image/webp" },
  json: { name: "result", mimeType: "application/json" }
} as const

export type FileType = keyof typeof types

const isType = (extension: string): extension is FileType => Object.hasOwn(types, extension)

/** The type of files with that media type; `undefined` for other media types. */
export const fileTypeOf = (mimeType: string): FileType | undefined =>
  Object.keys(types)
    .filter(isType)
    .find((type) => types[type].mimeType === mimeType)

/** `content.pptx`, `content-2.pptx` and so on. */
export const fileName = (number: number, type: FileType = "pptx"): string =>
  `${types[type].name}${number === 1 ? "" : `-${number}`}.${type}`

const parsed = (file: string): { readonly number: number; readonly type: FileType } | undefined => {
  const [, name, digits, type = ""] = /^([a-z]+)(?:-([1-9]\d{0,5}))?\.([a-z]+)$/.exec(file) ?? []
  if (digits === "1" || !isType(type) || types[type].name !== name) return undefined
  return { number: digits === undefined ? 1 : Number(digits), type }
}

/** The number of a file name made by `fileName`; `undefined` for other names. */
export const fileNumber = (file: string): number | undefined => parsed(file)?.number

/** The media type of a file by its name. */
export const mimeTypeOf = (file: string): string => types[parsed(file)?.type ?? "pptx"].mimeType
