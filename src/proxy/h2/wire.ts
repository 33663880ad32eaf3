/** Numbers of HTTP/2 (RFC 9113 §6, §7). */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const frameHeaderBytes = 9

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const

export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
} as const

export const settingId = { headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6 } as const

/** What holds until the peer says otherwise (RFC 9113 §6.5.2, §6.9.2). */
export const defaultWindow = 65_535
/** The least that every peer takes in one frame, and all that we send or take. */
export const maxFrameBytes = 16_384
export const maxWindow = 0x7fffffff
export const lastStreamId = 0x7fffffff

/** Ends the connection, with this code for the peer (RFC 9113 §5.4.1). */
export class ConnectionError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export const protocolError = (message: string): ConnectionError => new ConnectionError(errorCode.protocolError, message)
