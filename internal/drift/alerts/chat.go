package alerts

import (
	"context"
	"maps"
	"strings"
)

// chatLimit is how many bytes of text a chat bears: Slack takes 40,000 characters, Teams 28 KB.
const chatLimit = 20_000

// slack posts to an incoming webhook of Slack or what speaks like it. The text is escaped
// (Slack, "Formatting text"): what a plan says is no mention of @channel.
func (f *Feature) slack(ctx context.Context, a Alert, m message) error {
	target, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return final{err}
	}
	return f.postJSON(ctx, target.Reveal(), nil, map[string]any{"text": "*" + slackEscape(m.Subject) + "*\n" + slackEscape(cut(m.Body, chatLimit))})
}

func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// teams posts an adaptive card to a workflow of Microsoft Teams.
func (f *Feature) teams(ctx context.Context, a Alert, m message) error {
	target, err := f.open(ctx, a, a.SealedURL, "url")
	if err != nil {
		return final{err}
	}
	text := func(s string, more map[string]any) map[string]any {
		block := map[string]any{"type": "TextBlock", "wrap": true, "text": s}
		maps.Copy(block, more)
		return block
	}
	return f.postJSON(ctx, target.Reveal(), nil, map[string]any{
		"type": "message",
		"attachments": []any{map[string]any{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"content": map[string]any{
				"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
				"body": []any{
					text(m.Subject, map[string]any{"weight": "Bolder", "size": "Medium"}),
					text(cut(m.Body, chatLimit), map[string]any{"fontType": "Monospace"}),
				},
			},
		}},
	})
}
