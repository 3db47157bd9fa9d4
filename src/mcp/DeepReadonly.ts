/** The SDK's types are the mutable form of the JSON that entries and results are: here they are read-only all through. */

export type DeepReadonly<T> =
  T extends ReadonlyArray<infer A>
    ? ReadonlyArray<DeepReadonly<A>>
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T
