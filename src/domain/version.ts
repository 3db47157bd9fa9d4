/** The name and version under which the program presents itself. */
import manifest from "../../package.json" with { type: "json" }

export const program = { name: "manifold", title: "manifold", version: manifest.version }
