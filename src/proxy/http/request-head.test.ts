import { expect, it } from 'vitest'
import { defaultForwarding } from '../settings.ts'
import { RequestParser } from './request-head.ts'

const context = { maxFields: 100, maxTargetBytes: 1000, clientAddress: '10.0.0.1', acceptsHops: false, forwarding: defaultForwarding }

it.each<[string, string, string | undefined]>([
  ['its Host', 'GET / HTTP/1.1\r\nHost: shop:80\r\n\r\n', 'shop:80'],
  ['the authority of its target, which has replaced its Host (6)', 'GET http://shop/ HTTP/1.1\r\nHost: other\r\n\r\n', 'shop'],
  ['nothing where it has none', 'GET / HTTP/1.0\r\n\r\n', undefined],
])('rules see as the host of a request %s', (_case, text, host) => {
  const parser = new RequestParser()
  parser.parse(text, context)
  expect([parser.header('host'), parser.authority]).toEqual([host, host ?? ''])
})
