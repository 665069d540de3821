// SPDX-License-Identifier: Apache-2.0

// Package lines reads JSON values one by one and writes one answer line for each, in order: a judge
// is one process, whatever it is asked.
package lines

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Answer reads a Setting, then questions until the end, and answers each.
func Answer[Setting, Question, Verdict any](open func(Setting) (func(Question) Verdict, error)) error {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	in.DisallowUnknownFields()
	var setting Setting
	if err := in.Decode(&setting); err != nil {
		return fmt.Errorf("setting: %w", err)
	}
	judge, err := open(setting)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		var question Question
		if err := in.Decode(&question); errors.Is(err, io.EOF) {
			return out.Flush()
		} else if err != nil {
			return fmt.Errorf("question: %w", err)
		}
		if err := encoder.Encode(judge(question)); err != nil {
			return err
		}
	}
}

// Exit ends with 1 and the reason when there is one.
func Exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
