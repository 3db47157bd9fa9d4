/** Deeply read-only form of a type, for the SDK's mutable JSON types. */

export type DeepReadonly<T> =
  T extends ReadonlyArray<infer A>
    ? ReadonlyArray<DeepReadonly<A>>
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T
