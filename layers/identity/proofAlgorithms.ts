/** Signature algorithms of DPoP proofs (RFC 9449): asymmetric ones only. */
export const proofAlgorithms = ["ES256", "Ed25519", "EdDSA"] as const
