/** The validator of Microsoft's Open XML SDK: schemas of ISO/IEC 29500-4 with the rules that Office applies beside them. */
import validate from "@ooxml-tools/validate"

/** What Office would not accept, with the part and the place in it. The first call starts the runtime: seconds. */
export const violations = async (
  bytes: Uint8Array,
  format: "pptx" | "xlsx" = "pptx"
): Promise<ReadonlyArray<string>> =>
  (await validate(bytes, format, "Microsoft365")).map(
    ({ description, path }) => `${path.partUri} ${path.xpath}: ${description}`
  )
