--- console.letter_actions: replays and deletes dead letters. The page before that asks, and says
-- how many; what is done concerns no letter that has come since.

local html = require "watchbot.console.html"
local job = require "watchbot.message.job"
local layout = require "watchbot.console.layout"
local show = require "watchbot.console.show"
local views = require "watchbot.console.views"

-- Letters that are named in the question, and bytes of each.
local NAMED, LONGEST = 10, 160

local letter_actions = {}

local question = html.template [[
<p class="crumbs"><a href="{back}">Dead letters</a></p>
<h1>{title}</h1>
<p class="lead">{words}</p>
<ul class="named">{letters}</ul>
{rest?}
<form method="post" action="{action}" class="actions">{stamp}
<input type="hidden" name="queue" value="{queue}">
<input type="hidden" name="do" value="{what}">
<input type="hidden" name="match" value="{match?}">
<input type="hidden" name="bound" value="{bound?}">
{keys}
<button type="submit" class="{kind}" autofocus>{button}</button>
<a class="button" href="{back}">Cancel</a>
</form>
]]

local key_field = html.template [[<input type="hidden" name="at" value="{at}">]]
local named = html.template
  [[<li><strong>{subject}</strong> {excerpt} <span class="id">{id}</span></li>]]
local rest = html.template [[<p class="lead">and {count} more</p>]]

local WORDS = {
  replay = {
    verb = "Replay", done = "sent back to the queue",
    words = "They go back to the queue with a receive count of 0, and run again.",
  },
  delete = {
    verb = "Delete", done = "deleted", words = "They are deleted permanently.", kind = "danger",
  },
}

-- What was asked for: { what, words, source, keys or all, match }
local function asked_of(context)
  local form = context.form
  local what, all = (form:one "do" or ""):match "^(%a+)(.*)$"
  if not WORDS[what] or (all ~= "" and all ~= "-all") then return nil end
  return {
    what = what, words = WORDS[what], source = context:source(), keys = form:all "at",
    all = all == "-all", match = form:one "match",
  }
end

-- => { count, letters, bound? } | nil err
local function found_of(asked)
  if asked.all then return asked.source:all(asked.match) end
  local letters, err = asked.source:chosen(asked.keys)
  return letters and { count = #letters, letters = letters }, err
end

local function names_of(letters)
  local names = {}
  for index = 1, math.min(NAMED, #letters) do
    local opened = job.new(letters[index])
    names[index] = named {
      subject = show.line(opened.subject or "", LONGEST),
      excerpt = show.line(opened.message, LONGEST), id = letters[index].id,
    }
  end
  return names
end

local function keys_of(asked, found)
  local keys = {}
  if asked.all then return keys end
  for index, letter in ipairs(found.letters) do
    keys[index] = key_field { at = asked.source:key(letter) }
  end
  return keys
end

local function ask(context, asked, found)
  local source, words = asked.source, asked.words
  local shown = math.min(NAMED, #found.letters)
  local many = show.counted(found.count, "dead letter")
  return question {
    back = context:link("/dead-letters", "queue", source.number, "match", asked.match),
    title = ("%s %s%s of %s?"):format(words.verb, found.about and "about " or "", many,
      source.name),
    words = words.words, letters = names_of(found.letters),
    rest = found.count > shown and rest { count = show.count(found.count - shown) },
    action = context:link "/dead-letters/act", stamp = views.stamp(context),
    queue = source.number, what = asked.what, match = asked.all and asked.match,
    bound = found.bound, keys = keys_of(asked, found), kind = words.kind or "main",
    button = ("%s %s"):format(words.verb, many),
  }
end

local function nothing(asked)
  if asked.all or #asked.keys > 0 then
    return views.empty("Nothing is left", "These letters were replayed or deleted meanwhile.")
  end
  return views.empty("No letter was selected", "Select one or more letters of the list first.")
end

--- The question.
---@param context watchbot.ConsoleContext
---@return watchbot.Html
---@return integer? status
function letter_actions.confirm(context)
  local asked = asked_of(context)
  if not asked then return nil, 400 end
  local found, err = found_of(asked)
  local content
  if not found then
    content = views.problem(err)
  elseif found.count == 0 then
    content = nothing(asked)
  else
    content = ask(context, asked, found)
  end
  return layout.page(context, {
    title = asked.words.verb, path = "/dead-letters", content = content,
  })
end

-- The notice on the next page.
local function told(words, count, err)
  if err then return { kind = "bad", words = ("Nothing more was done: %s"):format(err) } end
  return { kind = "good", words = ("%s %s."):format(show.counted(count, "message"), words.done) }
end

--- Does what was confirmed, and shows the list again.
---@param context watchbot.ConsoleContext
---@return nil
---@return integer|watchbot.HtmlLink
function letter_actions.act(context)
  local asked, form = asked_of(context), context.form
  if not asked or asked.all then return nil, 400 end
  local bound = form:one "bound"
  local chosen = bound and { bound = bound, match = asked.match } or { keys = asked.keys }
  local count, err = asked.source:act(asked.what, chosen)
  context.console:note {
    source = asked.source, what = asked.what, count = count or 0, err = err,
  }
  asked.source:refresh()
  return nil, context:link("/dead-letters", "queue", asked.source.number, "match", asked.match,
    "told", context.console:tell(told(asked.words, count or 0, err)))
end

return letter_actions
