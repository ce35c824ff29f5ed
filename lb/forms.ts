import { isIP } from 'node:net'

// The forms that texts of a farm file may have. None allows a blank, a quote, a line's end or anything else that means
// something to HAProxy or keepalived.

export interface Form {
  what: string
  holds(text: string): boolean
}

/** A farm, node, balancer, user. Nodes use the same rule for their own name. */
export const nameForm: Form = {
  what: 'up to 50 letters, digits, dots, dashes and underscores, a letter or digit first',
  holds: (text) => /^[a-z0-9][\w.-]{0,49}$/i.test(text),
}

/** Without a zone, whose text may hold anything. */
export const addressForm: Form = {
  what: 'an IP address',
  holds: (text) => isIP(text) !== 0 && !text.includes('%'),
}

/** RFC 1123. A last label of digits alone would be a wrong address. */
export const hostNameForm: Form = {
  what: 'a host name',
  holds(text) {
    const labels = text.split('.')
    const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
    return text.length <= 253 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1)!)
  },
}

export const hostForm: Form = {
  what: 'an IP address or a host name',
  holds: (text) => addressForm.holds(text) || hostNameForm.holds(text),
}

export const prefixedForm: Form = {
  what: 'an IP address with its prefix length, as 192.0.2.10/24',
  holds(text) {
    const [address = '', bits = '', ...more] = text.split('/')
    const bitsMax = isIP(address) === 4 ? 32 : 128
    return (
      more.length === 0 &&
      addressForm.holds(address) &&
      /^[1-9]\d{0,2}$/.test(bits) &&
      Number(bits) <= bitsMax
    )
  },
}

export const interfaceForm: Form = {
  what: 'the name of a network interface',
  holds: (text) => /^[a-z0-9][\w.-]{0,14}$/i.test(text),
}

/** The system takes 107 characters for a socket, and HAProxy appends some. */
export const pathForm: Form = {
  what: 'an absolute path of up to 90 letters, digits and _.+-/ without ..',
  holds: (text) => /^(\/[\w.+-]+)+$/.test(text) && text.length <= 90 && !text.split('/').includes('..'),
}
