/** The section `containers`: the socket of Docker or Podman. */
import { Schema } from "effect"
import { PathSetting } from "../config/pathSettings.ts"
import * as Section from "../config/Section.ts"

export const section = Section.deferred(
  "containers",
  () =>
    Schema.Struct({
      socket: Schema.optionalKey(
        PathSetting(
          "Unix socket of the Docker API. Default: that of DOCKER_HOST, else the first one of Docker and Podman that exists."
        )
      )
    }),
  { description: "Containers that the tool `list_services` lists for administrators." }
)
