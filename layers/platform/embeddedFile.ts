/** Bytes of a file that comes with the program: beside its source, or embedded in the binary. */

/** `path` is what an import with `{ type: "file" }` gives. */
export const embeddedFile = (path: string): Promise<ArrayBuffer> => Bun.file(path).arrayBuffer()
