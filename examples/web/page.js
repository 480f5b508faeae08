// The page asks the broker itself, with a token that is good for this user alone.
const shown = document.querySelector('#weight');
const error = new URLSearchParams(location.search).get('error');
const { url, appId, userId, token } = await (await fetch('/token')).json();
const answer = await fetch(`${url}/apps/${appId}/metrics/${encodeURIComponent(userId)}/latest?metric=weight`, {
  headers: { Authorization: `Bearer ${token}` },
});
const { data } = answer.ok ? await answer.json() : { data: {} };
shown.textContent = error
  ? `Not connected: ${error}`
  : data.weight
    ? `${data.weight.value} ${data.weight.unit}`
    : 'Not connected yet';
