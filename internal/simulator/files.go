package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A file is one that a client has uploaded.
type file struct {
	id      string
	name    string
	purpose string
	created int64
	expires int64 // 0 is never; nothing does expire
	data    []byte
}

// serveFileUpload answers POST …/files.
func (x *exchange) serveFileUpload() error {
	var k checker
	x.fields(&k, fields{files: "file", texts: "purpose expires_after[anchor] expires_after[seconds]"})
	sent := x.needFile(&k, "file")
	purpose := k.needText(x.req, "purpose")
	k.oneOf("purpose", purpose, "assistants batch fine-tune vision user_data evals")
	f := file{id: x.sim.id("file-"), name: sent.filename, purpose: purpose, created: time.Now().Unix(), data: sent.data}
	if s := x.req.get("expires_after[seconds]").str(); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 3600 || n > 2_592_000 {
			k.fail("expires_after[seconds]", "Invalid 'expires_after[seconds]': '%s' is not between 3600 and 2592000.", s)
		}
		f.expires = f.created + int64(n)
	}
	if err := k.err(); err != nil {
		return err
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	x.sim.files.put(f.id, f, len(x.body)) // of which data is a part
	x.writeWhole(x.success(), "application/json", indent(f.object()))
	return nil
}

func (f *file) object() []byte {
	b := fmt.Appendf(nil, `{"id":%s,"object":"file","bytes":%d,"created_at":%d,`, quote(f.id), len(f.data), f.created)
	if f.expires != 0 {
		b = fmt.Appendf(b, `"expires_at":%d,`, f.expires)
	}
	return fmt.Appendf(b, `"filename":%s,"purpose":%s,"status":"processed"}`, quote(f.name), quote(f.purpose))
}

// serveFileList answers GET …/files.
func (x *exchange) serveFileList() error {
	var k checker
	query := x.r.URL.Query()
	page := k.page(query, "desc", keptObjects, keptObjects)
	_, kept := x.sim.files.all()
	var ids []string
	var objects [][]byte
	for i := range kept {
		if p := query.Get("purpose"); p == "" || p == kept[i].purpose {
			ids, objects = append(ids, kept[i].id), append(objects, kept[i].object())
		}
	}
	return x.answerList(&k, page, ids, objects)
}

// file returns the file that the path names.
func (x *exchange) file() (*file, error) {
	f, ok := x.sim.files.get(x.object)
	if !ok {
		return nil, &fault{status: http.StatusNotFound, param: "id", message: "No such File object: " + x.object}
	}
	return &f, nil
}

// serveFile answers GET and DELETE …/files/{id}.
func (x *exchange) serveFile() error {
	f, err := x.file()
	if err != nil {
		return err
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	if x.r.Method == http.MethodDelete {
		x.sim.files.remove(x.object)
		return x.deleted("file")
	}
	x.writeWhole(x.success(), "application/json", indent(f.object()))
	return nil
}

// serveFileContent answers GET …/files/{id}/content with the bytes that came.
func (x *exchange) serveFileContent() error {
	f, err := x.file()
	if err != nil {
		return err
	}
	if ok, err := x.ready("", false); !ok {
		return err
	}
	x.writeWhole(x.success(), "application/octet-stream", f.data)
	return nil
}
