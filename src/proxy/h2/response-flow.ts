import type { Serving } from '../serving.ts'
import { serviceTimeHeader } from '../http/hop-by-hop.ts'
import { editFields } from './edit-fields.ts'
import { field, type Field } from './hpack/field.ts'
import type { Http2Response } from './response.ts'

/** The response of one exchange on its way down. Answers: which fields the client gets, and whether the body is as long as its head said. */
export class Http2ResponseFlow {
  readonly head: Http2Response
  private unsent: number | undefined

  constructor(head: Http2Response, method: string) {
    this.head = head
    this.unsent = method === 'HEAD' || head.status === 204 || head.status === 304 ? 0 : head.contentLength
  }

  /** Takes so many bytes of the body; false where there are more, or fewer, than was said, or any where there is none (RFC 9113 §8.1.1, RFC 9110 §6.4.1). */
  take(bytes: number, isLast: boolean): boolean {
    if (this.unsent === undefined) return true
    this.unsent -= bytes
    return this.unsent >= 0 && (!isLast || this.unsent === 0)
  }

  fields({ plan, reason, setCookies, serviceTimeUs }: Pick<Serving, 'plan' | 'reason' | 'setCookies' | 'serviceTimeUs'>): readonly Field[] {
    const { forward } = this.head
    const edited = plan?.response ? editFields(forward, plan.response) : forward
    if (reason === 'hop') return [...edited, field(serviceTimeHeader, String(serviceTimeUs))]
    return setCookies.length === 0 ? edited : [...edited, ...setCookies.map((cookie) => field('set-cookie', cookie))]
  }
}
