-- An option whose name was ten kilobytes came back whole, with "did you mean" out of sight, and one
-- with a newline in it wrote a second line that looked like watchbot's own. Each command gets words
-- that it does not know, in each place that takes one.

local cli = require "watchbot.cli"
local workshop = require "support.workshop"

local task = workshop.task

local FORGED = "x\nwatchbot: the queue was deleted\n  watchbot: really"

local HOSTILE = {
  "\27]0;owned\7\27[6n\27[31m\27[8mconceal", "\u{9B}6n\u{202E}\u{2028}\u{200B}\u{E0041}",
  "\xC0\x9B\xE2\x80\xFF", FORGED, ("long"):rep(2500), "%s%d%1\\u{9b}", "qu\27eue",
}

-- What must not be on standard error or output, each for itself.
local FORBIDDEN = {
  "[%z\1-\8\11-\31\127]", "\194[\128-\159]", "\226\128[\139\142\143\168-\174]",
  "\243\160[\128\129]",
}

-- What stands before and behind a word that a command does not know. Some commands take any word
-- as a file or a message; what they say of it is looked at as well.
local function places(name, word)
  return {
    { name, "--" .. word }, { name, "--" .. word .. "=1" }, { name, "-" .. word },
    { name, word }, { name, word, word }, { name, "--queue", word }, { name, "--queue=" .. word },
    { name, "--limit", word }, { name, "--log", word }, { name, "--stack", word, word },
    { name, "--id", word }, { name, "--since", word }, { name, "list", "--" .. word },
    { name, "salvage", word, word }, { name, "--attribute", word, "x" },
    { name, "--lambda", word, word }, { name, "--mode", word }, { name, "--format", word },
    { "help", name, word }, { name, "--", word, word }, { word, name },
  }
end

local function assert_harmless(bytes, what)
  for _, pattern in ipairs(FORBIDDEN) do
    local found = bytes:match(pattern)
    assert.is_nil(found, ("%s: %q in %q"):format(what, found or "", bytes))
  end
  assert.is_truthy(utf8.len(bytes), what)
  local _, lines = ("\n" .. bytes):gsub("\nwatchbot:", "")
  assert.is_true(lines <= 1, ("%s: %q"):format(what, bytes))
end

describe("a word that no command knows", function()
  for _, command in ipairs(cli.commands) do
    it("does nothing to who reads what is said of it: " .. command[1], task(function(folder)
      for _, word in ipairs(HOSTILE) do
        for _, argv in ipairs(places(command[1], word)) do
          local _, out, err = workshop.run(folder, argv, {
            AWS_REGION = "eu-west-1", AWS_ENDPOINT_URL = "http://127.0.0.1:1",
            AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b", AWS_MAX_ATTEMPTS = "1",
            ECS_CONTAINER_METADATA_URI_V4 = "", QueueUrl = "",
          })
          local what = ("%q"):format(table.concat(argv, " ", 1, 2)):sub(1, 100)
          assert_harmless(err, what)
          assert_harmless(out, what)
          assert.is_true(#err < 9000, what .. ": " .. #err)
        end
      end
    end))
  end

  it("is quoted with its beginning, in one line, and the hint is seen", task(function(folder)
    local _, _, err = workshop.run(folder, { "send", "--" .. ("q"):rep(10000) })
    assert.are.equal(("watchbot: send: unknown option '--%s... (10000 bytes)' (see watchbot help "
      .. "send)\n"):format(("q"):rep(200)), err)
    _, _, err = workshop.run(folder, { "send", "--que\nue" })
    assert.are.equal("watchbot: send: unknown option '--que\\nue'; did you mean '--queue'? (see "
      .. "watchbot help send)\n", err)
    _, _, err = workshop.run(folder, { "run", FORGED .. ".lua" })
    assert.are.equal("watchbot: could not read the policy: 'x\\nwatchbot: the queue was deleted"
      .. "\\n  watchbot: really.lua': no such file or directory\n", err)
  end))
end)
