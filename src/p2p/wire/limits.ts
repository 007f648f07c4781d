/** Bounds of what may stand in a message, the same on every node of a network. docs/wire.md states them too. */

/** Bytes of one encoded header: London's 16 fields take about 530, a poa seal 65 more. */
export const MAX_HEADER_BYTES = 1024
/** Headers asked for at once: 512 KiB at most, so that an answer never has to be cut. */
export const MAX_HEADERS = 512
/** Blocks whose bodies or receipts are asked for at once: an answer is full long before, unless they are nearly empty. */
export const MAX_BLOCKS_ASKED = 128
/** Pooled transactions asked for at once: about 64 KiB of transfers. */
export const MAX_TRANSACTIONS_ASKED = 512
/** Indexes into one block asked for at once; who lacks more is better served with the body. */
export const MAX_INDEXES = 4096
/** Storage slots proven at once: about 4 KiB each at worst. */
export const MAX_PROOF_SLOTS = 64
/** Nodes of one proof: a key has 64 nibbles, the root stands above the first. */
export const MAX_PROOF_NODES = 65
/** Bytes of a trie node: a branch of 16 hashes. Values in our tries are shorter. */
export const MAX_PROOF_NODE_BYTES = 532
/** Earlier headers proven at once: with their paths about 100 KiB. */
export const MAX_ANCESTORS = 128
/** Nodes of a proof in a block's trie of transactions or receipts: places take at most 4 bytes there. */
export const MAX_ORDERED_PROOF_NODES = 9
/** Peer records asked for at once. Few are enough: they come from several peers. */
export const MAX_PEER_RECORDS = 64
/** Bytes of one signed peer record: a key, a signature and about 20 addresses. */
export const MAX_PEER_RECORD_BYTES = 2048
/** Bytes of what a node calls itself. */
export const MAX_AGENT_BYTES = 64
/** Bytes of what a refusal says beside its status. */
export const MAX_REASON_BYTES = 128

/** Bytes of a bundle of several transactions: about 580 transfers, 50 ms of signature checks. */
export const MAX_BUNDLE_BYTES = 64 * 1024
/** Transactions in a bundle: as many transfers as fit. Only junk is smaller, and costs as much to look at. */
export const MAX_BUNDLE_TRANSACTIONS = 655
/** Bytes of a compact block: short ids of 16,000 transactions, more than fit into 1.5 MiB. */
export const MAX_COMPACT_BLOCK_BYTES = 128 * 1024
/** Bytes of the transactions in a compact block that its sender expects others to lack. */
export const MAX_PREFILLED_BYTES = 16 * 1024
/** Bytes of a sighting: a hash, two numbers, a key and a signature of Ed25519 or secp256k1. */
export const MAX_SIGHTING_BYTES = 512

/**
 * Bytes of a block that can be announced, and fetched after others in one answer. A genesis that allows larger ones (`maxBlockBytes`)
 * is for a node without peers.
 */
export const MAX_CARRIED_BLOCK_BYTES = 1_572_864
/** Bytes of all chunks of one answer, their heads included. */
export const MAX_RESPONSE_BYTES = 2 * 1024 * 1024
/**
 * Bytes of payload after which a server adds no further item to an answer. One more body of a block of 1.5 MiB fits with all
 * heads; and an answer that is short although it has not come so far is a failure of whoever gave it.
 */
export const FULL_RESPONSE_BYTES = 512_000
