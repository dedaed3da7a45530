--- Words of any bytes (a NUL between them) are options and words, or an error; each word may be a
--- URL, an ARN, a date.

local date = require "watchbot.lib.date"
local endpoint = require "watchbot.aws.endpoint"
local moment = require "watchbot.cli.moment"
local options = require "watchbot.cli.options"
local place = require "watchbot.aws.place"
local suggest = require "watchbot.lib.suggest"
local text = require "watchbot.lib.text"

local DECLARED = {
  { name = "queue", value = "URL", help = "" }, { name = "json", help = "" },
  { name = "limit", short = "n", value = "COUNT", number = true, help = "" },
  { name = "match", value = "TEXT", many = true, help = "" },
}

local function check_place(word)
  local region = place.region_of(word)
  assert(region == nil or endpoint.is_region(region))
  local split = place.split(word)
  if not split then return end
  local again = assert(place.split(split.origin .. split.path))
  assert(again.origin == split.origin and again.path == split.path and again.host == split.host)
  assert(not split.host:find "[%c%s@/?#\\]")
end

local function check_word(word)
  check_place(word)
  local seconds = date.iso(word)
  assert(seconds == nil or seconds == seconds)
  local at, problem = moment.parse(word, 0)
  assert(math.type(at) == "integer" or type(problem) == "string")
  assert(utf8.len(text.plain(word)) and not text.plain(word):find "[\27\0]")
  suggest(word:sub(1, 100), { "queue", "json" })
end

return function(bytes)
  local words = {}
  for word in (bytes .. "\0"):gmatch "(%Z*)%z" do words[#words + 1] = word end
  for _, word in ipairs(words) do check_word(word) end
  for _, style in ipairs { {}, { runs_words = true }, { keeps_rest = true } } do
    local found, err = options.parse(DECLARED, words, style)
    assert(found or type(err) == "string")
    if found and found.limit then assert(found.limit >= 0 and found.limit < math.huge) end
  end
end
