/** Bounds of light nodes, with unit and reason. docs/light.md derives the first three. */

/** An adversary without a majority of the work gets an invalid chain past the sampling with a probability of 2^-this. */
export const SECURITY_BITS = 50
/** Headers before the tip that are checked whole: so few blocks that sampling could not tell them apart. */
export const TAIL_BLOCKS = 100
/**
 * Octaves of work that one proof samples: chains of 2^40 tails. Beyond that a claim of work is not believable, and its
 * samples would be too many to ask for.
 */
export const MAX_OCTAVES = 40
