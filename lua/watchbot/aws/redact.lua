--- redact: removes secrets from a server's text. AWS explains a wrong signature by repeating the
-- whole request, and a proxy's page may repeat anything, often in another form: percent-encoded,
-- escaped for JSON or HTML, in lower case, over several lines, truncated. So this module searches
-- for the letters and digits of a secret, eight in a row.

local percent = require "watchbot.lib.percent"

local redact = {}

local HIDDEN = "[hidden]"

-- Letters and digits in a row that count as part of a secret: by chance this happens in one of many
-- thousands of messages.
local ROW = 8

-- A secret with fewer letters is searched for unchanged; anything shorter than this is an ordinary
-- word.
local SHORTEST = 4

local function without(message, secret)
  return (message:gsub(secret:gsub("%p", "%%%0"), HIDDEN))
end

-- Encodings of one character that is not a letter: their bytes are skipped.
local ESCAPES = { "^%%%x%x", "^\\u%x%x%x%x", "^\\.", "^&#?%w%w?%w?%w?%w?%w?;" }

local function skip(text, at)
  for _, pattern in ipairs(ESCAPES) do
    local _, stop = text:find(pattern, at)
    if stop then return stop + 1 end
  end
  return at + 1
end

-- The letters and digits of a text in lower case, and the position of each.
local function letters_of(text)
  local parts, places, at = {}, {}, 1
  while at <= #text do
    local _, stop = text:find("^%w+", at)
    if stop then
      parts[#parts + 1] = text:sub(at, stop):lower()
      for place = at, stop do places[#places + 1] = place end
      at = stop + 1
    else
      at = skip(text, at)
    end
  end
  return table.concat(parts), places
end

-- Registers every row of a long secret; returns a short secret.
local function note_rows(rows, secret)
  local letters = secret:gsub("%W", ""):lower()
  if #letters < ROW then return false end
  for at = 1, #letters - ROW + 1 do rows[letters:sub(at, at + ROW - 1)] = true end
  return true
end

-- Spans of the text with rows of a secret, in order; adjacent spans are merged.
local function spans_of(text, rows)
  local letters, places = letters_of(text)
  local spans = {}
  for at = 1, #letters - ROW + 1 do
    if rows[letters:sub(at, at + ROW - 1)] then
      local last, first, stop = spans[#spans], places[at], places[at + ROW - 1]
      if last and at <= last.at + ROW then
        last.stop, last.at = stop, at
      else
        spans[#spans + 1] = { first = first, stop = stop, at = at }
      end
    end
  end
  return spans
end

local function cut_spans(text, spans)
  local parts, start = {}, 1
  for _, span in ipairs(spans) do
    parts[#parts + 1] = text:sub(start, span.first - 1) .. HIDDEN
    start = text:find("[^=]", span.stop + 1) or #text + 1
  end
  parts[#parts + 1] = text:sub(start)
  return table.concat(parts)
end

--- The text without the secrets, and without the request that was signed.
---@param text string should be cut to some kilobytes: each letter is examined
---@param secrets string[] in the forms that may have been sent
---@return string
function redact.hide(text, secrets)
  text = text:gsub("The Canonical String for this request.*", "")
  text = text:gsub("AWS4%-HMAC%-SHA256.*", HIDDEN)
  local rows = {}
  for _, secret in ipairs(secrets) do
    if not note_rows(rows, secret) and #secret >= SHORTEST then
      text = without(without(text, secret), percent.encode(secret))
    end
  end
  return next(rows) and cut_spans(text, spans_of(text, rows)) or text
end

return redact
