/** Bounds of whom we know and whom we are connected to, with unit and reason. The address book's are Bitcoin Core's. */

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Buckets of addresses that we only heard of; all from one group of sources share 64 of them. */
export const NEW_BUCKETS = 1024
export const NEW_BUCKETS_PER_SOURCE_GROUP = 64
/** Buckets in which one such address may stand, when several sources name it. */
export const NEW_BUCKETS_PER_ADDRESS = 8
/** Buckets of peers that we were connected to; all of one network group share 8 of them. */
export const TRIED_BUCKETS = 256
export const TRIED_BUCKETS_PER_GROUP = 8
/** Places in a bucket. */
export const BUCKET_PLACES = 64
/** Multiaddrs kept of one peer: three transports, two families. */
export const MAX_ADDRESSES_PER_PEER = 8
/** Characters of a multiaddr with its peer id. */
export const MAX_MULTIADDR_LENGTH = 256
/** Peers taken from one answer. */
export const MAX_PEERS_EXCHANGED = 64

/** Nothing is known of an address that nobody has named for so long. */
export const MAX_ADDRESS_AGE_MS = 30 * DAY_MS
/** Attempts after which an address that never answered is given up. */
export const MAX_ATTEMPTS_NEVER_GOOD = 3
/** Failures after which one that did answer, but not for so long, is given up. */
export const MAX_FAILURES = 10
export const MIN_FAILING_MS = 7 * DAY_MS
/** An address that was tried a moment ago is not judged yet. */
export const RECENT_ATTEMPT_MS = MINUTE_MS
/** Milliseconds between two attempts at one address at first; doubled with each failure. */
export const RETRY_MS = 10_000
/** Milliseconds after our start or the end of the last connection in which we are in a hurry: all others may be starting as well. */
export const HURRY_MS = MINUTE_MS
/** Milliseconds between two attempts at an address, or at the bootnodes, in a hurry. */
export const HURRIED_RETRY_MS = 2_000
/** Milliseconds between them in the end, within which an address is rarely drawn. */
export const ATTEMPT_INTERVAL_MS = 10 * MINUTE_MS
/** Peers that wait for the one in their place to be tested. */
export const MAX_COLLISIONS = 10
/** Milliseconds in which such a test must have had a result. */
export const COLLISION_TEST_MS = 40 * MINUTE_MS
/** One that was good so recently keeps its place without a test. */
export const RECENTLY_GOOD_MS = 4 * HOUR_MS

/** Milliseconds after which it is noted again that a peer we are connected to is good: often enough to keep its place. */
export const STILL_GOOD_MS = 20 * MINUTE_MS

/** Peers we choose, with transactions and blocks. */
export const FULL_OUTBOUND = 10
/** Peers we choose for blocks alone: who watches transactions does not learn of them. They are the anchors. */
export const BLOCK_ONLY_OUTBOUND = 2
/** Mean milliseconds between two feelers: connections that only find out whether an address is good. */
export const FEELER_INTERVAL_MS = 2 * MINUTE_MS
/** Peers that choose us. */
export const MAX_INBOUND = 64
/** Of few connections, how many are for peers that choose us. */
export const MIN_INBOUND_SHARE = 1 / 5
/** Inbound connections from one address: a household, an office. */
export const MAX_INBOUND_PER_HOST = 4
/** Inbound connections from one /24, or one /48 of IPv6: a provider's rack. */
export const MAX_INBOUND_PER_SUBNET = 8
/** Dials at a time. */
export const MAX_DIALS = 8
/** Addresses drawn from the book to fill one slot before the next look, and to choose one of them. */
export const MAX_DRAWS = 50
/** Milliseconds between two looks at the slots. */
export const LOOK_INTERVAL_MS = 1_000
/** Milliseconds until a trusted peer is dialled again; doubled with each failure, up to what an operator waits for after a cut. */
export const TRUSTED_RETRY_MS = 2_000
export const MAX_TRUSTED_RETRY_MS = 30_000
/** Milliseconds between two attempts at the bootnodes while we are connected to nobody of our choice. */
export const BOOTSTRAP_INTERVAL_MS = 10_000
/** Milliseconds between two requests for addresses, to a random peer. */
export const EXCHANGE_INTERVAL_MS = 30_000
/** Addresses known from which on nobody is asked any more. */
export const ENOUGH_ADDRESSES = 1000
/** Milliseconds between two writes of what is known to disk. */
export const SAVE_INTERVAL_MS = 5 * MINUTE_MS

/** Inbound peers that an eviction spares for each of the things an attacker cannot easily have. */
export const PROTECTED_BY_GROUP = 4
export const PROTECTED_BY_PING = 8
export const PROTECTED_BY_TRANSACTIONS = 4
export const PROTECTED_BY_BLOCKS = 4

/** Milliseconds of a ban. */
export const BAN_MS = DAY_MS
/** Bans kept; the one that ends first goes. */
export const MAX_BANS = 4096
/** Discouraged peers and hosts remembered until the next start; the oldest goes. */
export const MAX_DISCOURAGED = 4096
