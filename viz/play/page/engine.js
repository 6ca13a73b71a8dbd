// The engine on this machine's server: `call(name, arguments)` brings the answer,
// or rejects: `refused` where what was given can't be, for the reader to mend.

const ENDED = "chainrule play has ended. Start it again in the terminal and open the " +
  "address that it prints; this page then goes on, and its address holds what you see.";
const LOCKED = "This browser has no key: chainrule play was started anew, or cookies of this " +
  "address are blocked or gone. Open the address that it printed in the terminal, with cookies " +
  "allowed; this page then goes on, and its address holds what you see.";

export async function call(name, given = {}) {
  let response;
  try {
    response = await fetch(`call/${name}`, { method: "POST", body: JSON.stringify(given) });
  } catch {
    throw new Error(ENDED);
  }
  if (response.status === 403) throw new Error(LOCKED);
  const { status, data } = await response.json();
  if (status !== 200) throw Object.assign(new Error(data.error), { refused: status === 400 });
  return data;
}
