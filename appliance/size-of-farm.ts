// How large a farm has to be, by SPEC S24: pure, from what its operator knows of the sessions. MB and TB are binary here,
// as file systems and disks of servers are sized.

export interface Sessions {
  /** At the same time, at work. */
  sessions: number
  /** Of one session's recording, MB. */
  megabytes: number
  /** That one session lasts. */
  hours: number
  /** That recordings are kept. */
  months: number
  /** Of one session. */
  events: number
  /** What one node takes in and syncs, MB a second. */
  nodeMbPerS: number
}

export interface FarmSize {
  mbPerS: number
  /** So that each is at most half loaded. */
  nodes: number
  diskTb: number
  /** Bought in whole ones. */
  diskTbWhole: number
  databaseGb: number
  transactionsPerS: number
  recordingsADay: number
}

/** A node that is half loaded has room for the peak of a morning, and for the work of one that is away. */
const loadMax = 0.5
const workHoursADay = 8
const workDaysAMonth = 23
/** A disk slows down and fragments when it is nearly full. */
const spareShare = 0.3
const rowBytes = 1024
const recordingTransactions = 4
const eventTransactions = 1

const secondsAnHour = 3600
const mbATb = 1024 ** 2

export function sizeOfFarm({ sessions, megabytes, hours, months, events, nodeMbPerS }: Sessions): FarmSize {
  const mbPerS = (sessions * megabytes) / (hours * secondsAnHour)
  const mbAMonth = mbPerS * secondsAnHour * workHoursADay * workDaysAMonth
  const diskTb = (mbAMonth * months * (1 + spareShare)) / mbATb
  const recordingsADay = (sessions * workHoursADay) / hours
  const kept = recordingsADay * workDaysAMonth * months
  const perSecond = sessions / (hours * secondsAnHour)
  return {
    mbPerS,
    nodes: Math.max(1, Math.ceil(mbPerS / (nodeMbPerS * loadMax))),
    diskTb,
    diskTbWhole: Math.max(1, Math.ceil(diskTb)),
    databaseGb: (kept * (1 + events) * rowBytes) / 1024 ** 3,
    transactionsPerS: perSecond * (recordingTransactions + events * eventTransactions),
    recordingsADay,
  }
}
