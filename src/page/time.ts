/** A moment of today by its time, an earlier one by its day too; in the browser's own zone. */
export function timeOf(at: number): string {
  const moment = new Date(at);
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  return moment.toDateString() === new Date().toDateString() ? time : `${day} ${time}`;
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
