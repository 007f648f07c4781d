/**
 * Bounds of the network, with unit and reason; docs/limits.md lists them beside those of the libraries. Nothing here is
 * left to a library's default: a default is somebody else's opinion about a different network.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** Connections beyond `maxPeers` that libp2p keeps: an eviction needs the newcomer connected before it can be judged. */
export const SPARE_CONNECTIONS = 32

export const CONNECTION_LIMITS = {
  /** Dials at a time: a dozen outbound slots, some of them failing. */
  maxParallelDials: 16,
  /** Dials waiting; whoever asks for more is asking for the wrong thing. */
  maxDialQueueLength: 128,
  /** Addresses tried of one peer: three transports, two families. */
  maxPeerAddrsToDial: 8,
  dialTimeout: 10_000,
  addressDialTimeout: 5_000,
  connectionCloseTimeout: 1_000,
  /** Milliseconds until encryption and muxer are agreed: a stranger who dawdles holds one of the pending places. */
  inboundUpgradeTimeout: 10_000,
  outboundStreamProtocolNegotiationTimeout: 10_000,
  inboundStreamProtocolNegotiationTimeout: 10_000,
  /** Connections a second from one host. The default, 5, refuses honest nodes behind one NAT and demos on loopback. */
  inboundConnectionThreshold: 64,
  /** Connections not yet upgraded; each costs a handshake, which is the expensive part of a flood. */
  maxIncomingPendingConnections: 64,
  /** Whom to connect to again is for the peer manager to say. */
  reconnectRetries: 0,
  maxParallelReconnects: 1,
}

/** Pings both measure the round trip and notice links that died silently; they keep TCP's idle time-out from firing. */
export const PING_INTERVAL_MS = 20_000
export const PING_TIMEOUT_MS = 10_000
/** At once, from one peer, and to one. */
export const PING_INBOUND_STREAMS = 2
export const PING_OUTBOUND_STREAMS = 2

/** Streams of one connection, either way: two for each request protocol, the DHT's, gossip, and the library's own. */
const STREAMS_PER_CONNECTION = 64
/** Bytes that may be under way in one stream of QUIC: 10 MB/s at 100 ms round trip. */
const STREAM_WINDOW_BYTES = 1 * MIB
/** The same in one of yamux, the least that it allows; it would grow where yamux pings by itself. 2.5 MB/s at 100 ms. */
const YAMUX_WINDOW_BYTES = 256 * KIB

/** The library's defaults would let one connection hold 1,000 streams of 4 MiB each. */
export const YAMUX_LIMITS = {
  maxInboundStreams: STREAMS_PER_CONNECTION,
  maxOutboundStreams: STREAMS_PER_CONNECTION,
  maxEarlyStreams: 10,
  /** Pings do this over every transport alike. */
  enableKeepAlive: false,
  streamOptions: {
    initialStreamWindowSize: YAMUX_WINDOW_BYTES,
    maxStreamWindowSize: YAMUX_WINDOW_BYTES,
    /** What nobody has read yet: yamux opens the window again as soon as something has come, read or not. */
    maxReadBufferLength: 5 * YAMUX_WINDOW_BYTES,
    /** Two of the largest responses; gossip has its own. */
    maxWriteBufferLength: 4 * MIB,
  },
}

/** Bytes of frames that wait for a peer to read, all streams' together: the largest that one may have waiting, and as much besides. */
export const MAX_UNSENT_FRAME_BYTES = 8 * MIB
/** Frames that a peer may send while it reads nothing: each may have an answer made, of 12 bytes and some 200 of memory. */
export const MAX_FRAMES_UNANSWERED = 16_384

/** The same for QUIC, which brings its own streams. */
export const QUIC_LIMITS = {
  handshakeTimeout: 5_000,
  maxIdleTimeout: 30_000,
  keepAliveInterval: 10_000,
  maxConcurrentStreamLimit: STREAMS_PER_CONNECTION,
  maxStreamData: STREAM_WINDOW_BYTES,
  /** Bytes under way in a connection, all streams together. */
  maxConnectionData: 8 * MIB,
  receiveBufferSize: 512 * KIB,
  sendBufferSize: 512 * KIB,
}

export const TCP_LIMITS = {
  /** Milliseconds without a byte; a live peer is pinged more often. */
  inboundSocketInactivityTimeout: 60_000,
  outboundSocketInactivityTimeout: 60_000,
  /** Connections that the kernel holds for us. */
  backlog: 128,
}

export const WEBSOCKET_LIMITS = {
  /** Bytes written and not yet sent before the writer has to wait. */
  maxBufferedAmount: 4 * MIB,
  bufferedAmountPollInterval: 100,
  /** Bytes and milliseconds of the upgrade request. */
  http: { maxHeaderSize: 8 * KIB, headersTimeout: 10_000, requestTimeout: 10_000 },
}

export const IDENTIFY_LIMITS = {
  timeout: 5_000,
  /** Bytes: key, addresses, protocol names. */
  maxMessageSize: 8 * KIB,
  maxInboundStreams: 1,
  maxOutboundStreams: 1,
  maxObservedAddresses: 10,
}

export const IDENTIFY_PUSH_LIMITS = { ...IDENTIFY_LIMITS, concurrency: 8, debounce: 1_000 }

export const PEER_STORE_LIMITS = {
  /** Milliseconds; whom we may want again is in the address book, which is our own. */
  maxAddressAge: 3_600_000,
  maxPeerAge: 21_600_000,
}

export const ADDRESS_LIMITS = {
  /** Addresses under which peers claim to see us. */
  maxObservedAddresses: 10,
  addressVerificationTTL: 600_000,
  addressVerificationRetry: 300_000,
}

/** Milliseconds between mesh repairs, and the grain of everything below that is counted in heartbeats. */
export const HEARTBEAT_MS = 700

export const GOSSIP_LIMITS = {
  D: 8,
  Dlo: 6,
  Dhi: 12,
  Dscore: 4,
  Dout: 2,
  Dlazy: 6,
  heartbeatInterval: HEARTBEAT_MS,
  fanoutTTL: 60_000,
  /** Heartbeats that messages are kept for whoever asks: 8 s, so that a verdict which takes its time still forwards. */
  mcacheLength: 12,
  /** Heartbeats whose messages are offered. */
  mcacheGossip: 3,
  /** Milliseconds that a message id is remembered. */
  seenTTL: 120_000,
  /** Milliseconds to deliver what was offered; a busy machine is no liar. */
  gossipsubIWantFollowupMs: 5_000,
  /** Peers named when leaving a mesh: none, addresses travel by `peers/1` alone, signed. */
  prunePeers: 0,
  pruneBackoff: 60_000,
  unsubcribeBackoff: 10_000,
  graftFloodThreshold: 10_000,
  opportunisticGraftPeers: 2,
  opportunisticGraftTicks: 60,
  directConnectTicks: 300,
  gossipFactor: 0.25,
  /** Bytes from which a message is announced as "already have" to the rest of the mesh. */
  idontwantMinDataSize: 4 * KIB,
  /** Such announcements that count, per peer and heartbeat. */
  idontwantMaxMessages: 512,
  maxInboundStreams: 1,
  maxOutboundStreams: 1,
  /** Bytes of one frame; larger ones end the stream. */
  maxInboundDataLength: 2 * MIB,
  /** Bytes waiting for a slow peer; then sending to it fails until it has caught up. */
  maxOutboundBufferSize: 16 * MIB,
  /** Bytes of memory for one peer's subscriptions: each costs its name and 1 KiB, and there are four topics. */
  maxTopicBytesPerPeer: 8 * KIB,
  /** Items of one frame. The library never sends more, so frames with more are dropped whole. */
  decodeRpcLimits: {
    maxSubscriptions: 16,
    maxMessages: 1_024,
    maxIhaveMessageIDs: 5_000,
    maxIwantMessageIDs: 5_000,
    maxIdontwantMessageIDs: 512,
    maxControlMessages: 64,
    maxPeerInfos: 16,
  },
}

/**
 * Bytes of gossip that one peer may send before some of it has to be of use, which is given back: more a second than all the
 * transactions that a node can check, since eight neighbours may bring the same; at once, four times what waits for a new peer. Beyond it
 * nobody listens, and who owes as much again is hung up on.
 */
export const GOSSIP_ALLOWANCE = { capacity: 16 * MIB, perSecond: 2 * MIB, maxPeers: 1_024 }
export const MAX_GOSSIP_DEBT = 16 * MIB
/** Bytes that as much work stands for: a message that is known; an id in a control message, in addition to its bytes. */
export const GOSSIP_MESSAGE_COST = 512
export const GOSSIP_ID_COST = 128
/** A subscription, GRAFT or PRUNE: an honest peer sends a few a heartbeat; each may have an answer made. */
export const GOSSIP_CHANGE_COST = 32 * KIB
/** A header or block that is decoded, judged and goes nowhere; a frame that nobody looks at. */
export const GOSSIP_USELESS_COST = 32 * KIB

/**
 * Bytes that one peer may send to libp2p's own services (identify, ping, DHT, AutoNAT): small questions, the costliest of which take
 * 0.3 ms. Beyond it streams are cut; who owes as much again is hung up on.
 */
export const SERVICE_ALLOWANCE = { capacity: 64 * KIB, perSecond: 8 * KIB, maxPeers: 1_024 }
export const MAX_SERVICE_DEBT = 64 * KIB
/** What a stream costs by itself, and one that is cut. */
export const SERVICE_STREAM_COST = 512
export const SERVICE_REFUSED_COST = 4 * KIB

/** Bytes of transactions waiting to be announced, while nobody listens for instance. */
export const MAX_WAITING_BYTES = 4 * MIB
/** Milliseconds that a transaction waits for others to travel with: a block takes ten thousand. */
export const BUNDLE_DELAY_MS = 100
/**
 * Milliseconds between two bundles of what was announced before, and after which it is: by then gossipsub has forgotten the first
 * (120 s) and lets it through. One bundle in ten seconds is a quarter of what a peer may bring that is of no use.
 */
export const REANNOUNCE_MS = 10_000
export const REANNOUNCE_AFTER_MS = 150_000
/**
 * Transactions that one peer may bring before some of them have to be of use: what was admitted costs nothing. At 30 µs a
 * signature, a quarter of a second of one core at first, and one hundredth of it from then on.
 */
export const RECOVERY_ALLOWANCE = { capacity: 8_192, perSecond: 256, maxPeers: 1_024 }
/** Bytes that cost as much of it as a transaction, decoded and hashed: the least that a transfer takes in a bundle. */
export const PAID_TRANSACTION_BYTES = 100
/**
 * Bytes not looked at, for lack of allowance, that cost a transaction of it: who brings less than 256 KiB/s comes out of
 * debt. What is owed at most, told of as a flood: a minute's.
 */
export const UNREAD_BYTES = 1 * KIB
export const MAX_RECOVERY_DEBT = 15_360

/** Bundles of a peer that wait for others of its own to be paid for: 4 MiB, as much as an honest one may have waiting to go out. */
export const MAX_UNPAID_BUNDLES = 64

/** Messages of a topic being judged at a time; more are let lie. Most take a millisecond, a block that lacks transactions seconds. */
export const MAX_JUDGED_AT_ONCE = 256

/** Blocks being put together at a time, 1.5 MiB each. */
export const MAX_REBUILDS = 16
/** Of them, those that one peer's announcements have begun. */
export const MAX_PEER_REBUILDS = 4
/** Compact forms of one block, from as many peers, that are tried side by side: the first may be a lie. */
export const MAX_FORMS = 3
/** Blocks that a peer may be the first to announce and nobody bring: as many at first, one in 500 s from then on. */
export const WITHHELD_ALLOWANCE = { capacity: 3, perSecond: 0.002, maxPeers: 1_024 }
/** Blocks that were given up, with who announced them: that announcement is not followed again. */
export const MAX_GIVEN_UP = 256
/** Peers remembered that have announced one such block. */
export const MAX_SOURCES = 8
/** Milliseconds before a second peer is asked for what the first has not brought. */
export const SECOND_PEER_MS = 500
/** Peers asked for a block's missing transactions before its whole body is asked for; and for that. */
export const MAX_TRANSACTION_ASKS = 3
export const MAX_BODY_ASKS = 3
/** Milliseconds until a block that nobody brings is given up; the next announcement begins anew. */
export const REBUILD_TIMEOUT_MS = 8_000
/** Blocks below the head whose children are still of interest: deeper branches come by sync, which weighs them first. */
export const MAX_GOSSIP_DEPTH = 64
/** Hashes of blocks that have been passed on or announced. */
export const MAX_CARRIED_BLOCKS = 1_024
/** Header announcements that wait for their block to be executed, and milliseconds that they do: as long as gossip keeps them. */
export const MAX_WAITING_HEADERS = 64
/** Of them, those of one peer. */
export const MAX_PEER_WAITING_HEADERS = 16
export const HEADER_WAIT_MS = 8_000

/** Blocks and transactions whose way to us is remembered: about an hour, and about 5 MiB. */
export const MAX_WATCHED_BLOCKS = 512
export const MAX_WATCHED_TRANSACTIONS = 16_384
/** Peers whose arrivals are noted of each, beside the first. */
export const MAX_ARRIVALS = 16
/** Sightings of one block that are kept, each about 150 bytes; and blocks below the head of which they are heard. */
export const MAX_SIGHTINGS = 256
export const MAX_SIGHTING_DEPTH = 64
/** Blocks whose sightings are kept: those, and others in their places. 5 MiB. */
export const MAX_SIGHTED_BLOCKS = 128
/** Milliseconds that another's first sight of a block may be away from ours: clocks differ, and a minute is no wave any more. */
export const MAX_SIGHTING_SKEW_MS = 60_000
/** Milliseconds from the block until it is told of: by then peers have executed it too. */
export const SIGHTING_DELAY_MS = 2_000
/** Sightings of one peer whose signatures are checked, at 0.1 ms: at first those of two blocks, then those of a block in 4 s. */
export const SIGHTING_ALLOWANCE = { capacity: 512, perSecond: 64, maxPeers: 1_024 }
/** Messages of which it is noted who else brings them. */
export const MAX_REMEMBERED_MESSAGES = 512
/** Milliseconds between two looks for gossip streams that have ended. */
export const GOSSIP_CHECK_MS = 10_000
/** Times that a peer is asked who it is before it is hung up on; each may take a request's ten seconds. */
export const MAX_HANDSHAKE_TRIES = 2

/** Peers that libp2p remembers, connected or heard of, about 1 KiB each. Whom we want to call is in the address book. */
export const MAX_STORED_PEERS = 2_048

export const DHT_LIMITS = {
  kBucketSize: 20,
  /** Bits of the peer's key that tell the buckets apart: 64 of them. */
  prefixLength: 6,
  /** Queries at a time, along as many disjoint paths. */
  alpha: 3,
  disjointPaths: 3,
  querySelfInterval: 300_000,
  initialQuerySelfInterval: 1_000,
  maxInboundStreams: 4,
  maxOutboundStreams: 8,
  incomingMessageTimeout: 10_000,
  onPeerConnectTimeout: 10_000,
  pingNewContactConcurrency: 4,
  pingNewContactMaxQueueSize: 64,
  pingOldContactConcurrency: 4,
  pingOldContactMaxQueueSize: 64,
  routingTableUpdateQueueConcurrency: 4,
  routingTableUpdateMaxQueueSize: 256,
  networkDialTimeout: { minTimeout: 2_000, maxTimeout: 10_000 },
  pingNewContactTimeout: { minTimeout: 2_000, maxTimeout: 10_000 },
  pingOldContactTimeout: { minTimeout: 2_000, maxTimeout: 10_000 },
  /** Nothing is ever provided. */
  providers: { cacheSize: 1, cleanupInterval: 3_600, provideValidity: 60 },
  reprovide: { concurrency: 1, maxQueueSize: 1, interval: 3_600_000 },
}

/** Milliseconds between two questions to the LAN. */
export const MDNS_INTERVAL_MS = 10_000

export const UPNP_LIMITS = {
  externalAddressCheckInterval: 60_000,
  externalAddressCheckTimeout: 10_000,
  /** Longer than it takes to notice that a mapping has gone; it is renewed a minute before its end. */
  portMappingTTL: 720_000,
  portMappingRefreshThreshold: 60_000,
  initialGatewaySearchInterval: 5_000,
  initialGatewaySearchMessageInterval: 1_000,
  initialGatewaySearchTimeout: 5_000,
  gatewaySearchInterval: 300_000,
  gatewaySearchMessageInterval: 10_000,
  gatewaySearchTimeout: 60_000,
}

export const AUTONAT_LIMITS = {
  timeout: 15_000,
  startupDelay: 5_000,
  refreshInterval: 60_000,
  maxInboundStreams: 2,
  maxOutboundStreams: 4,
  connectionThreshold: 80,
  maxMessageSize: 8 * KIB,
}

/** Addresses of peers that are called at a time to see whether that works: a quarter of all calls, so that ours find a place. */
export const MAX_ADDRESS_TRIALS = 4

/** Through others, when nobody can call us. */
export const RELAY_CLIENT_LIMITS = {
  reservationConcurrency: 1,
  maxReservationQueueLength: 16,
  reservationCompletionTimeout: 10_000,
  maxInboundStopStreams: 32,
  maxOutboundStopStreams: 32,
}

/** For others: two minutes and 2 MiB each, enough to exchange addresses, punch a hole, and fetch a block. */
export const RELAY_SERVER_LIMITS = {
  hopTimeout: 30_000,
  maxInboundHopStreams: 32,
  maxOutboundHopStreams: 32,
  maxOutboundStopStreams: 32,
  reservations: {
    maxReservations: 16,
    reservationClearInterval: 300_000,
    reservationTtl: 3_600_000,
    applyDefaultLimit: true,
    defaultDurationLimit: 120_000,
    defaultDataLimit: BigInt(2 * MIB),
  },
}

export const HOLE_PUNCHING_LIMITS = { timeout: 5_000, retries: 3, maxInboundStreams: 1, maxOutboundStreams: 1 }
