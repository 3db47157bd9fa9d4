/** Name and version of the program. */
import manifest from "../../package.json" with { type: "json" }

export const program = { name: "manifold", title: "manifold", version: manifest.version }
